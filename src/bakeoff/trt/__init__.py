"""TensorRT in both of its libraries, as the backend `tensorrt` uses it."""
