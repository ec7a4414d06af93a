"""The line that matters out of an exporter's pages."""

import pytest

from bakeoff.core.quoting import essential_line


def raised(inner, outer):
    """An exception with a cause."""
    try:
        raise outer from inner
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("bad\n\nadvice: do this"), "ValueError: bad"),
        (raised(KeyError("deep"), RuntimeError("Failed to export the model. Next steps: ...")), "KeyError: 'deep'"),
        (raised(KeyError(), RuntimeError("outer")), "RuntimeError: outer"),
        (
            RuntimeError(
                "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript\n x\nboom"
            ),
            "RuntimeError: boom",
        ),
        (
            RuntimeError(
                "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript\n x\n"
                "RuntimeError: CUDA error: operation not permitted when stream is capturing\n"
                "CUDA kernel errors might be asynchronously reported.\n"
                "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
            ),
            "RuntimeError: CUDA error: operation not permitted when stream is capturing",
        ),
        (RuntimeError("Could not do:\nthis"), "RuntimeError: Could not do: this"),
        (RuntimeError("\x1b[96mred\x1b[0m"), "RuntimeError: red"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_essential_line(error, told):
    assert essential_line(error) == told


def test_it_is_short():
    assert len(essential_line(ValueError("x" * 5000))) == 300
