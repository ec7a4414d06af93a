"""In which types a package of AOTInductor computes, read from the finished package."""

from bakeoff.backends.inductor.package_dtypes import calls

WRAPPER = """
    CHECK(aoti_torch_empty_strided(4, a, b, cached_torch_dtype_float16, cached_cuda, i, &buf0_handle));
    AOTI_CHECK(aoti_torch_cuda_convolution(buf0, buf1, nullptr, 1, &buf2_handle));
    auto buf3 = std::move(buf0);  // reuse
    AOTI_CHECK(aoti_torch_cuda_addmm_out(buf3, bias, x, y, 1L, 1L));
    CHECK(aoti_torch_empty_strided(2, a, b, cached_torch_dtype_float32, cached_cuda, i, &buf4_handle));
    AOTI_CHECK(aoti_torch_cuda_bmm_out(buf4, u, v));
    AOTI_CHECK(aoti_torch_cuda_mm_out(unknown, u, v));
    AOTI_CHECK(aoti_torch_cuda_cumsum_out(buf4, u));
    AOTI_CHECK(aoti_torch_cuda_convolution(buf2, constant_w, nullptr, 1, &buf5_handle));
    constants_info_[7].name = "fc_weight";
    constants_info_[7].dtype = static_cast<int32_t>(cached_torch_dtype_float16);
    AOTI_CHECK(aoti_torch_cuda_mm_out(unknown, u, fc_weight));
    call_triton_poi_fused_relu_0(buf4, 64L, this->device_idx_, stream, kernels);
"""


def test_calls_of_a_wrapper() -> None:
    assert list(calls(WRAPPER)) == [
        ("convolution", "float16"),
        ("matmul (addmm)", "float16"),
        ("matmul (bmm)", "float32"),
        ("matmul (mm)", None),
        ("convolution", "float16"),
        ("matmul (mm)", "float16"),
    ]
