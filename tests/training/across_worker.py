"""One of several processes: gradients of a step, and the losses of some, of an objective. Run by `test_across.py`."""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from edgeacc.models.alignment import Student
from edgeacc.models.config import AlignmentConfig, EncoderConfig, StageConfig
from edgeacc.models.sizes import build
from edgeacc.training import across, loop
from edgeacc.training.augment import MILD, PAPER
from edgeacc.training.config import TrainConfig
from edgeacc.training.contrastive import Contrastive
from edgeacc.training.distill import Distill, Negatives
from edgeacc.training.masked_input import MaskedInput
from edgeacc.training.momentum import Momentum, Partners
from edgeacc.training.negatives import LikeRate, Queue
from edgeacc.training.sources import Learned
from edgeacc.training.supervised import Supervised

NAMES = ("acc-contrastive", "acc-mae", "contrastive", "supervised", "joint")
ENCODER = EncoderConfig(
    name="tiny",
    family="conv",
    samples=640,
    frame_samples=16,
    frame_stride=8,
    frame_filters=6,
    stages=(StageConfig(width=8, stride=4, context=True),),
)


def objective_of(name, data):
    """Both encoders untrained, the same in every process."""
    torch.manual_seed(0)
    acc, ppg = build(ENCODER, 3), build(ENCODER, 4)
    if name == "joint":
        student = Student(acc, AlignmentConfig.between("time-resolved", acc.config, ppg.config))
        negatives = Negatives(Queue(16, student.acc_size, student.ppg_size), LikeRate(data["beats_BK"]), 2)
        source = Learned(ppg, data["ppg_BCT"], MILD)
        windows = type("Windows", (), data)
        return Distill(student, windows, source, MILD, window_s=10.0, interval_target=True, negatives=negatives)
    return {
        "acc-contrastive": lambda: Contrastive(acc, data["acc_BCT"], PAPER),
        "acc-mae": lambda: MaskedInput(acc, data["acc_BCT"], MILD),
        "contrastive": lambda: Momentum(ppg, data["ppg_BCT"], PAPER, Partners(data["participant_B"])),
        "supervised": lambda: Supervised(acc, data["acc_BCT"], data["labels_BK"], MILD),
    }[name]()


def main(data, out):
    """Write what this process found."""
    torch.set_num_threads(1)
    across.join()
    tensors = load_file(data)
    found = {}
    for name in NAMES:
        found |= {f"{name}: {key}": value for key, value in found_with(name, tensors, Path(out)).items()}
    if across.is_first():
        save_file({key: value.detach().clone() for key, value in found.items()}, out)


def found_with(name, tensors, out):
    """Gradients and statistics of one step, and the losses of three."""
    config = TrainConfig(objective="acc-mae", encoder=ENCODER, steps=3, batch=8, peak_lr=1e-4)
    objective = objective_of(name, tensors).train()
    across.share_norms(objective)
    loss, _ = loop._gradients(objective, 0, 40, config)
    found = {f"gradient {key}": value.grad for key, value in objective.named_parameters() if value.grad is not None}
    found |= {f"state {key}": value for key, value in objective.state_dict().items() if "running" in key}
    losses = loop.fit(objective_of(name, tensors), config, torch.arange(40), out.with_name(f"{out.name} {name}"), {})
    return found | {"loss": torch.tensor(loss), "losses": torch.tensor(losses)}


if __name__ == "__main__":
    main(*sys.argv[1:])
