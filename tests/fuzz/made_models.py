"""Small int8 .tflite models of one or a few operators, made with the schema's own classes."""

import numpy as np


class Maker:
    """Tensors and operators, one after the other; `bytes_of` gives the file."""

    def __init__(self):
        from ai_edge_litert import schema_py_generated as schema

        self.schema = schema
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.operatorCodes, self.model.buffers = 3, [], [schema.BufferT()]
        self.graph.tensors, self.graph.operators, self.graph.name = [], [], b"main"

    def tensor(self, shape, *, kind="INT8", scales=(), zero=0, data=None, axis=0):
        made = self.schema.TensorT()
        made.shape, made.type = np.array(shape, np.int32), getattr(self.schema.TensorType, kind)
        made.name, made.buffer = f"t{len(self.graph.tensors)}".encode(), 0
        if len(scales):
            made.quantization = self.schema.QuantizationParametersT()
            made.quantization.scale = np.array(scales, np.float32)
            made.quantization.zeroPoint = np.full(len(scales), zero, np.int64)
            made.quantization.quantizedDimension = axis
        if data is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def ints(self, values):
        return self.tensor((len(values),), kind="INT32", data=np.array(values, np.int32))

    def operator(self, name, inputs, outputs, options=None, **members):
        code = self.schema.OperatorCodeT()
        number = getattr(self.schema.BuiltinOperator, name)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        self.model.operatorCodes.append(code)
        made = self.schema.OperatorT()
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        made.inputs, made.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        if options:
            made.builtinOptions = getattr(self.schema, f"{options}T")()
            made.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            for member, value in members.items():
                setattr(made.builtinOptions, member, value)
        self.graph.operators.append(made)

    def variable(self, name, data, **quantized):
        """A handle of a variable that begins with `data`; the first one calls once what sets them all."""
        if not self.model.subgraphs:
            self.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
            setting = self.schema.SubGraphT()
            setting.tensors, setting.operators, setting.name = [], [], b"set"
            setting.inputs = setting.outputs = np.array([], np.int32)
            self.model.subgraphs = [setting]
        main, self.graph = self.graph, self.model.subgraphs[0]
        value = self.tensor(data.shape, data=data, **quantized)
        self.operator("ASSIGN_VARIABLE", [self.handle(name), value], [], "AssignVariableOptions")
        self.graph = main
        return self.handle(name)

    def handle(self, name):
        """Of a variable that somebody else sets."""
        handle = self.tensor((), kind="RESOURCE")
        self.operator("VAR_HANDLE", [], [handle], "VarHandleOptions", container="", sharedName=name)
        return handle

    def bytes_of(self, inputs, outputs):
        from ai_edge_litert.tools import flatbuffer_utils

        self.graph.inputs, self.graph.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        self.model.subgraphs = [self.graph, *(self.model.subgraphs or [])]
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self.model))


def reference(content, given):
    """What LiteRT's reference kernels give."""
    return reference_of_calls(content, [given])[0]


def reference_of_calls(content, calls):
    """The same of one call after another, which a streaming model remembers."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    results = []
    for given in calls:
        for entry, values in zip(interpreter.get_input_details(), given, strict=True):
            interpreter.set_tensor(entry["index"], values)
        interpreter.invoke()
        results.append([interpreter.get_tensor(entry["index"]).copy() for entry in interpreter.get_output_details()])
    return results


def streaming_model(seed, new=4, channels=3, width=5, taps=6):
    """A convolution over the last `taps` - 1 samples and `new` ones, and a running sum: two variables.

    The last samples are read before they are assigned, the sum after, so that order shows.
    """
    random, maker, kept = np.random.default_rng(seed), Maker(), taps - 1
    scale, zero = [0.05], 3
    entry = maker.tensor((1, 1, new, channels), scales=scale, zero=zero)
    before = random.integers(-128, 128, (1, 1, kept, channels)).astype(np.int8)
    samples = maker.variable("samples", before, scales=scale, zero=zero)
    total = maker.variable("total", np.full((1, 1, new, width), 7, np.int8), scales=[0.3], zero=-5)
    old, joined, last = (
        maker.tensor((1, 1, places, channels), scales=scale, zero=zero) for places in (kept, kept + new, kept)
    )
    maker.operator("READ_VARIABLE", [samples], [old], "ReadVariableOptions")
    maker.operator("CONCATENATION", [old, entry], [joined], "ConcatenationOptions", axis=2)
    starts, sizes = maker.ints([0, 0, new, 0]), maker.ints([1, 1, kept, channels])
    maker.operator("SLICE", [joined, starts, sizes], [last], "SliceOptions")
    maker.operator("ASSIGN_VARIABLE", [samples, last], [], "AssignVariableOptions")
    weights = random.integers(-127, 128, (width, 1, taps, channels)).astype(np.int8)
    filters = maker.tensor(weights.shape, scales=np.full(width, 0.01), data=weights)
    biases = random.integers(-99, 99, width).astype(np.int32)
    bias = maker.tensor((width,), kind="INT32", scales=np.full(width, 0.0005), data=biases)
    mixed, sum_before, sum_after = (
        maker.tensor((1, 1, new, width), scales=[step], zero=point) for step, point in ((0.2, 1), (0.3, -5), (0.3, -5))
    )
    straight = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, padding=1)
    maker.operator("CONV_2D", [joined, filters, bias], [mixed], "Conv2DOptions", **straight)
    maker.operator("READ_VARIABLE", [total], [sum_before], "ReadVariableOptions")
    maker.operator("ADD", [sum_before, mixed], [sum_after], "AddOptions")
    maker.operator("ASSIGN_VARIABLE", [total, sum_after], [], "AssignVariableOptions")
    return maker.bytes_of([entry], [mixed, sum_after])


def chain_of_convolutions(seed, layers=6):
    """Convolutions one behind the other, depthwise or not, of an image or of one line; some write over their input."""
    random, maker = np.random.default_rng(seed), Maker()
    height, width = (1, int(random.integers(20, 60))) if seed % 2 else map(int, random.integers(5, 14, 2))
    channels, names = int(random.choice([1, 3, 4, 8, 12, 16])), ("CONV_2D", "DEPTHWISE_CONV_2D")
    entry = last = maker.tensor((1, height, width, channels), scales=[0.05], zero=3)
    for _ in range(layers):
        depthwise = int(random.integers(2))
        kernel = [min(side, int(random.integers(1, 6))) for side in (height, width)]
        same, stride, dilation = int(random.integers(2)), int(random.choice([1, 1, 2, 3])), 1
        if stride == 1 and random.integers(3) == 0 and max(kernel) < 4 and min(height, width) > 6:
            dilation = 2
        reach = [(each - 1) * dilation + 1 for each in kernel]
        sides = [
            -(-n // stride) if same else (n - r) // stride + 1 for n, r in zip((height, width), reach, strict=True)
        ]
        made = channels if depthwise else int(random.choice([2, 4, 5, 8, 16, 24, 32, 48, 64, 70]))
        shape = (1, *kernel, made) if depthwise else (made, *kernel, channels)
        data = random.integers(-127, 128, shape).astype(np.int8)
        scales = random.uniform(0.5, 2.0, made) / (75 * np.sqrt(data.size / made))
        filters = maker.tensor(shape, scales=scales, data=data, axis=3 * depthwise)
        biases = random.integers(-2000, 2000, made).astype(np.int32)
        bias = maker.tensor((made,), kind="INT32", scales=scales * 0.05, data=biases)
        output = maker.tensor((1, *sides, made), scales=[0.05], zero=int(random.integers(-20, 20)))
        options = dict(padding=1 - same, strideH=stride, strideW=stride, dilationHFactor=dilation)
        options |= dict(dilationWFactor=dilation, **({"depthMultiplier": 1} if depthwise else {}))
        kind = ("Conv2DOptions", "DepthwiseConv2DOptions")[depthwise]
        maker.operator(names[depthwise], [last, filters, bias], [output], kind, **options)
        last, (height, width), channels = output, sides, made
    return maker.bytes_of([entry], [last])


def small_model():
    """An operator of every kernel."""
    random, maker, scale = np.random.default_rng(0), Maker(), [0.05]
    filters = maker.tensor((6, 3, 3, 2), scales=np.full(6, 0.01), data=random.integers(-127, 128, 108).astype(np.int8))
    taps = maker.tensor(
        (1, 2, 2, 6), scales=np.full(6, 0.01), data=random.integers(-127, 128, 24).astype(np.int8), axis=3
    )
    bias = maker.tensor(
        (6,), kind="INT32", scales=np.full(6, 0.0005), data=random.integers(-99, 99, 6).astype(np.int32)
    )
    shapes = [(1, 6, 5, 2), *[(1, 6, 5, 6)] * 3, (1, 3, 2, 6), (1, 5, 6, 6), (6, 1, 1)]
    entry, one, two, three, pooled, turned, mean = (maker.tensor(shape, scales=scale) for shape in shapes)
    soft = maker.tensor((1, 6), scales=[1 / 256], zero=-128)
    square, row = maker.tensor((6, 6, 6), scales=scale), maker.tensor((1, 6), scales=scale)
    straight = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, padding=0)
    maker.operator("CONV_2D", [entry, filters, bias], [one], "Conv2DOptions", **straight)
    maker.operator(
        "DEPTHWISE_CONV_2D", [one, taps, bias], [two], "DepthwiseConv2DOptions", depthMultiplier=1, **straight
    )
    maker.operator("ADD", [one, two], [three], "AddOptions")
    pool = dict(padding=1, strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    maker.operator("MAX_POOL_2D", [three], [pooled], "Pool2DOptions", **pool)
    maker.operator("TRANSPOSE", [three, maker.ints([0, 2, 1, 3])], [turned], "TransposeOptions")
    flat, other = maker.tensor((6, 6, 5), scales=scale), maker.tensor((6, 5, 6), scales=scale)
    maker.operator("RESHAPE", [three, maker.ints([6, 6, 5])], [flat], "ReshapeOptions")
    maker.operator("RESHAPE", [turned, maker.ints([6, 5, 6])], [other], "ReshapeOptions")
    maker.operator("BATCH_MATMUL", [flat, other], [square], "BatchMatMulOptions")
    maker.operator("MEAN", [square, maker.ints([1, 2])], [mean], "ReducerOptions", keepDims=True)
    maker.operator("RESHAPE", [mean, maker.ints([1, 6])], [row], "ReshapeOptions")
    maker.operator("SOFTMAX", [row], [soft], "SoftmaxOptions", beta=1.0)
    table = maker.tensor((1, 3, 2, 6), scales=[1 / 256], zero=-128)
    maker.operator("LOGISTIC", [pooled], [table])
    return maker.bytes_of([entry], [soft, table])
