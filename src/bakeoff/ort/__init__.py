"""ONNX Runtime's sessions, as the backend `onnxruntime` uses them."""
