"""Static int8 by PT2E: XNNPACK's quantizer places observers, calibration windows set them, torchao converts."""

import torch
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.export.quiet import refusing


def static_int8(program: ExportedProgram, calibration_BCT: Tensor) -> ExportedProgram:
    """The program with int8 weights (symmetric, per output channel) and static int8 activations.

    Args:
        program: (1, 3, T) -> (1, D); left as it is.
        calibration_BCT: prepared windows (B, 3, T).

    Raises:
        NotPossibleHere: the quantizer refused, with its message.
    """
    (example_1CT,), _ = program.example_inputs
    with refusing("XNNPACK's quantizer", "quantize the network"), torch.no_grad():
        from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
            XNNPACKQuantizer,
            get_symmetric_quantization_config,
        )
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
        observed = prepare_pt2e(program.module(), quantizer)
        for window_CT in calibration_BCT:
            observed(window_CT[None])
        return torch.export.export(convert_pt2e(observed), (example_1CT,))
