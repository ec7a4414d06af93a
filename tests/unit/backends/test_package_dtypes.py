"""In which types a package of AOTInductor computes, read from the finished package."""

from pathlib import Path

import pytest
from workshop import Workshop

from bakeoff.backends import make_backend
from bakeoff.backends.inductor.package_dtypes import calls, package_dtypes

WRAPPER = """
    CHECK(aoti_torch_empty_strided(4, a, b, cached_torch_dtype_float16, cached_cuda, i, &buf0_handle));
    AOTI_CHECK(aoti_torch_cuda_convolution(buf0, buf1, nullptr, 1, &buf2_handle));
    auto buf3 = std::move(buf0);  // reuse
    AOTI_CHECK(aoti_torch_cuda_addmm_out(buf3, bias, x, y, 1L, 1L));
    CHECK(aoti_torch_empty_strided(2, a, b, cached_torch_dtype_float32, cached_cuda, i, &buf4_handle));
    AOTI_CHECK(aoti_torch_cuda_bmm_out(buf4, u, v));
    AOTI_CHECK(aoti_torch_cuda_mm_out(unknown, u, v));
    AOTI_CHECK(aoti_torch_cuda_cumsum_out(buf4, u));
    call_triton_poi_fused_relu_0(buf4, 64L, this->device_idx_, stream, kernels);
"""


def test_calls_of_a_wrapper() -> None:
    assert list(calls(WRAPPER)) == [
        ("convolution", "float16"),
        ("matmul (addmm)", "float16"),
        ("matmul (bmm)", "float32"),
        ("matmul (mm)", None),
    ]


@pytest.mark.parametrize("name", ["convnet", "tokens"])
def test_the_form_of_packages_is_still_the_one_that_is_read(workshop: Workshop, tmp_path: Path, name: str) -> None:
    backend = make_backend({"kind": "inductor"})
    built = workshop.build(backend, name, tmp_path)
    found = package_dtypes(tmp_path / built.files[0])
    assert found
    assert {dtype for _, dtype in found} == {"float32"}
    assert built.holds_precision is True
