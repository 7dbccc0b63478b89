"""torch.export program -> .pte, and the check that XNNPACK really takes the arithmetic."""

from torch.export import ExportedProgram
from torch.fx import GraphModule

from edgeacc.errors import NotPossibleHere
from edgeacc.export.quiet import refusing
from edgeacc.export.streaming import FINISH, STEP, StreamingProgram
from edgeacc.models.streaming import HELD

OUTSIDE_XNNPACK = frozenset(
    f"aten.{name}"
    for name in (
        "cat.default",
        "clone.default",
        "expand_copy.default",
        "mean.dim",
        "native_layer_norm.default",
        "permute_copy.default",
        "select_copy.int",
        "slice_copy.Tensor",
        "split_with_sizes_copy.default",
        "squeeze_copy.dims",
        "unsqueeze_copy.default",
        "view_copy.default",
    )
)
"""What may stay with the runtime's own kernels: copies, views, and the two reductions that XNNPACK lacks (layer norm,
and a mean that is not over an image). A program that leaves other operations out is refused: without a delegate it is
28 to 175 times slower (measured)."""


def to_pte(program: ExportedProgram) -> bytes:
    """Lower to XNNPACK and serialize.

    Raises:
        NotPossibleHere: ExecuTorch refused, with its message, or arithmetic was left undelegated, by name.
    """
    with refusing("ExecuTorch", "lower the network"):
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    _require_delegated(edge.exported_program().graph_module)
    with refusing("ExecuTorch", "serialize the network"):
        return bytes(edge.to_executorch().buffer)


def to_streaming_pte(program: StreamingProgram) -> bytes:
    """Both parts as methods; what `step` holds is in its mutable buffers, which begin as zeros. Raises as `to_pte`."""
    parts = {STEP: program.step, FINISH: program.finish}
    with refusing("ExecuTorch", "lower the network"):
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower
        from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass

        edge = to_edge_transform_and_lower(parts, partitioner={name: [XnnpackPartitioner()] for name in parts})
        begun = ExecutorchBackendConfig(passes=[InitializedMutableBufferPass([HELD])])
    for name in parts:
        _require_delegated(edge.exported_program(name).graph_module)
    with refusing("ExecuTorch", "serialize the network"):
        return bytes(edge.to_executorch(begun).buffer)


def _require_delegated(graph_module: GraphModule) -> None:
    left = undelegated(graph_module)
    if left:
        raise NotPossibleHere(f"XNNPACK does not take these operations of the network: {', '.join(left)}")


def undelegated(graph_module: GraphModule) -> list[str]:
    """Operations outside every delegate that `OUTSIDE_XNNPACK` does not allow, by name."""
    calls = [node.target for node in graph_module.graph.nodes if node.op == "call_function"]
    called = {getattr(target, "__name__", str(target)) for target in calls}
    return sorted(called - OUTSIDE_XNNPACK - {"executorch_call_delegate", "getitem"})
