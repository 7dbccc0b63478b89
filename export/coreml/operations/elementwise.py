"""Operations on each element: arithmetic with broadcasting, and activations."""

import math

import torch
from torch import Tensor

from edgeacc.errors import BadInput

Number = Tensor | float | int

SQRT_HALF = math.sqrt(0.5)
TANH_GELU_SCALE = math.sqrt(2 / math.pi)
TANH_GELU_CUBIC = 0.044715
SIGMOID_GELU_SCALE = 1.702


def add(*, x: Number, y: Number) -> Tensor:
    """Sum."""
    return _tensor(x) + y


def sub(*, x: Number, y: Number) -> Tensor:
    """Difference."""
    return _tensor(x) - y


def mul(*, x: Number, y: Number) -> Tensor:
    """Product."""
    return _tensor(x) * y


def real_div(*, x: Number, y: Number) -> Tensor:
    """Quotient."""
    return _tensor(x) / y


def power(*, x: Number, y: Number) -> Tensor:
    """`x` to the power of `y`."""
    return _tensor(x) ** y


def maximum(*, x: Number, y: Number) -> Tensor:
    """The larger of the two."""
    return torch.maximum(_tensor(x), _tensor(y))


def minimum(*, x: Number, y: Number) -> Tensor:
    """The smaller of the two."""
    return torch.minimum(_tensor(x), _tensor(y))


def absolute(*, x: Tensor) -> Tensor:
    """Magnitude."""
    return x.abs()


def square(*, x: Tensor) -> Tensor:
    """`x` times itself."""
    return x * x


def sqrt(*, x: Tensor) -> Tensor:
    """Square root."""
    return x.sqrt()


def rsqrt(*, x: Tensor, epsilon: float = 1e-12) -> Tensor:
    """1 / sqrt(x + epsilon)."""
    return (x + epsilon).rsqrt()


def exp(*, x: Tensor) -> Tensor:
    """Exponential."""
    return x.exp()


def tanh(*, x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return x.tanh()


def relu(*, x: Tensor) -> Tensor:
    """Negative values become 0."""
    return x.clamp(min=0.0)


def relu6(*, x: Tensor) -> Tensor:
    """Limited to 0 ... 6."""
    return x.clamp(0.0, 6.0)


def clip(*, x: Tensor, alpha: float = -math.inf, beta: float = math.inf) -> Tensor:
    """Limited to alpha ... beta."""
    return x.clamp(alpha, beta)


def sigmoid(*, x: Tensor) -> Tensor:
    """Logistic function."""
    return x.sigmoid()


def silu(*, x: Tensor) -> Tensor:
    """`x` times its logistic function."""
    return x * x.sigmoid()


def gelu(*, x: Tensor, mode: str) -> Tensor:
    """Gaussian error linear unit; `mode` must be stated, because the loader of watchOS 11 refuses a gelu without it.

    Source of the refusal: thread rustnn#102.
    """
    if mode == "EXACT":
        return 0.5 * x * (1.0 + torch.erf(x * SQRT_HALF))
    if mode == "TANH_APPROXIMATION":
        return 0.5 * x * (1.0 + torch.tanh(TANH_GELU_SCALE * (x + TANH_GELU_CUBIC * x**3)))
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(SIGMOID_GELU_SCALE * x)
    raise BadInput(f"operation 'gelu' with mode {mode!r}, which the reference evaluator does not know")


def cast(*, x: Tensor, dtype: str) -> Tensor:
    """Another number format; between floats the evaluator's rounding of the output does it."""
    if dtype not in ("fp16", "fp32"):
        raise BadInput(f"operation 'cast' to {dtype!r}, which the reference evaluator does not know")
    return x


def _tensor(x: Number) -> Tensor:
    return x if isinstance(x, Tensor) else torch.tensor(float(x))
