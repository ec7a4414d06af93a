"""ONNX Runtime's names of element types."""

DTYPES = {"float": "float32", "double": "float64"}
"""Those that differ from numpy's, with numpy's."""


def numpy_name(type: str) -> str:
    """The numpy name of an ONNX Runtime type such as `tensor(float)`."""
    name = type.removeprefix("tensor(").removesuffix(")")
    return DTYPES.get(name, name)
