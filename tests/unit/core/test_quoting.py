"""The line that matters out of what an exception says."""

import subprocess

import pytest

from bakeoff.core.quoting import build_failure, cause, essential_line, shortened


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


@pytest.mark.parametrize("quote", [essential_line, cause, build_failure])
def test_it_is_short(quote):
    assert len(quote(ValueError("x" * 5000))) == 300


def test_a_short_line_stays_as_it_is():
    assert shortened("x" * 10, 10) == "x" * 10
    assert shortened("x" * 11, 10) == "x" * 7 + "..."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("\n  bad shape\nadvice"), "ValueError: bad shape"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[31mred"), "ValueError: red"),
        (
            raised(KeyError("deep"), RuntimeError("what the user's code said")),
            "RuntimeError: what the user's code said",
        ),
        (
            RuntimeError(
                "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript\n x\n"
                "RuntimeError: mat1 and mat2 do not fit"
            ),
            "RuntimeError: mat1 and mat2 do not fit",
        ),
    ],
)
def test_cause_is_what_this_very_exception_said(error, told):
    assert cause(error) == told


def hidden(inner):
    """Inductor's way of wrapping: not by `__cause__`."""
    error = RuntimeError("InductorError")
    error.inner_exception = inner
    return error


COMPILER = subprocess.CalledProcessError(
    1, ["/usr/bin/g++", "x.cpp"], "In file x.h\nx.cpp:3: error: no room\nerror: more"
)


@pytest.mark.parametrize("error", [COMPILER, hidden(COMPILER), raised(COMPILER, RuntimeError("outer"))])
def test_a_compilers_first_complaint(error):
    assert build_failure(error) == "the C++ compiler (/usr/bin/g++) failed: x.cpp:3: error: no room"


@pytest.mark.parametrize(
    ("output", "told"), [("", "it said nothing"), ("killed", "killed")], ids=["silent", "no line says error"]
)
def test_a_compiler_that_does_not_say_error(output, told):
    assert build_failure(subprocess.CalledProcessError(1, "g++ -O3 x.cpp", output)).endswith(f"(g++) failed: {told}")


def test_a_build_that_fails_without_a_compiler():
    assert build_failure(raised(ValueError("deep"), RuntimeError("outer"))) == "ValueError: deep"
