"""Instructions of a model's convolutions: shapes read from a .tflite, each kernel run on an emulated core."""

import shutil

import numpy as np
import pytest

from edgeacc.benchmarks.mlperf_count import KernelCounter, convolutions
from edgeacc.firmware_sim.firmware.kernels import Window

pytest.importorskip("ai_edge_litert")

HEIGHT, WIDTH, CHANNELS = 9, 8, 4


def tflite(*operators):
    """A graph of (builtin operator, options, shapes of input, weights and output), which nothing could run."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], []
    model.buffers = [schema.BufferT()]
    graph.tensors, graph.operators = [], []
    for kind, options, shapes in operators:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        operator.opcodeIndex = len(model.operatorCodes)
        model.operatorCodes.append(code)
        places = []
        for shape in shapes:
            tensor = schema.TensorT()
            tensor.shape, tensor.type = np.array(shape, np.int32), schema.TensorType.INT8
            places.append(len(graph.tensors))
            graph.tensors.append(tensor)
        operator.inputs, operator.outputs = np.array(places[:2], np.int32), np.array(places[2:], np.int32)
        operator.builtinOptions = options
        operator.builtinOptionsType = {
            schema.BuiltinOperator.CONV_2D: schema.BuiltinOptions.Conv2DOptions,
            schema.BuiltinOperator.DEPTHWISE_CONV_2D: schema.BuiltinOptions.DepthwiseConv2DOptions,
            schema.BuiltinOperator.FULLY_CONNECTED: schema.BuiltinOptions.FullyConnectedOptions,
            schema.BuiltinOperator.ADD: schema.BuiltinOptions.AddOptions,
        }[kind]
        graph.operators.append(operator)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def options(cls, stride, padding):
    made = cls()
    made.strideH = made.strideW = stride
    made.padding = padding
    made.dilationHFactor = made.dilationWFactor = 1
    return made


def a_model():
    from ai_edge_litert import schema_py_generated as schema

    kinds, same, valid = schema.BuiltinOperator, schema.Padding.SAME, schema.Padding.VALID
    whole, depthwise = [1, HEIGHT, WIDTH, CHANNELS], options(schema.DepthwiseConv2DOptionsT, 1, valid)
    return tflite(
        (kinds.CONV_2D, options(schema.Conv2DOptionsT, 2, same), (whole, [16, 3, 3, CHANNELS], [1, 5, 4, 16])),
        (kinds.DEPTHWISE_CONV_2D, depthwise, (whole, [1, 3, 3, CHANNELS], [1, 7, 6, CHANNELS])),
        (kinds.ADD, schema.AddOptionsT(), (whole, whole, whole)),
        (kinds.FULLY_CONNECTED, schema.FullyConnectedOptionsT(), ([1, 3, 32], [10, 32], [1, 3, 10])),
    )


def test_shapes_are_read():
    assert convolutions(a_model()) == [
        (False, Window(9, 8, 4, 5, 4, 16, 3, 3, stride_h=2, stride_w=2, pad_h=1, pad_w=0)),
        (True, Window(9, 8, 4, 7, 6, 4, 3, 3)),
        (False, Window(1, 3, 32, 1, 3, 10, 1, 1)),
    ]


@pytest.fixture
def counter(tmp_path):
    for program in ("arm-none-eabi-gcc", "qemu-system-arm", "cc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return KernelCounter(tmp_path)


@pytest.mark.integration
def test_layers_are_run_and_added(counter):
    from ai_edge_litert import schema_py_generated as schema

    shapes = [1, 3, 32], [10, 32], [1, 3, 10]
    connected = schema.BuiltinOperator.FULLY_CONNECTED, schema.FullyConnectedOptionsT(), shapes
    once, twice = counter(tflite(connected), "cortex-m4"), counter(tflite(connected, connected), "cortex-m4")
    assert once.mac_dsp > 3 * 32 * 10 / 4
    assert twice == once + once
    assert counter(a_model(), "cortex-m4").total > twice.total
    assert counter(a_model(), "cortex-m55").mve_mac > 0
