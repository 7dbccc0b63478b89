import CEdge
import EdgeCore

/// The int8 network in C: the same bytes out as on the microcontrollers and in edgeacc's own tests.
public final class CEncoder: WindowEncoder {
    public let name = "C, int8"
    private let model: UnsafeMutablePointer<edgeacc_model>
    private let memory: UnsafeMutableRawPointer

    /// - Throws: `WristProblem.selfTestFailed` where signal code or network are wrong here in a single bit,
    ///   `.noModel` where the constants are damaged.
    public init() throws {
        try Self.requireSelfTest()
        let bytes = edgeacc_encoder_bytes()
        model = UnsafeMutablePointer<edgeacc_model>.allocate(capacity: 1)
        memory = UnsafeMutableRawPointer.allocate(byteCount: Int(bytes), alignment: 16)
        guard edgeacc_encoder_open(model, memory, bytes) == 1 else {
            throw WristProblem.noModel("the encoder's constants are damaged")
        }
    }

    deinit {
        memory.deallocate()
        model.deallocate()
    }

    public func embed(_ scores: [Float]) throws -> [Float] {
        guard scores.count == 3 * SignalStream.samples else {
            throw WristProblem.encoderFailed("a window of \(scores.count / 3) samples")
        }
        var embedding = [Float](repeating: 0, count: Int(edgeacc_kit_width()))
        guard edgeacc_encoder_embed(model, scores, &embedding) == 1 else {
            throw WristProblem.encoderFailed("the window holds what is no number")
        }
        return embedding
    }

    private static func requireSelfTest() throws {
        let bytes = edgeacc_kit_self_test_bytes()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: Int(bytes), alignment: 16)
        let tried = UnsafeMutablePointer<edgeacc_wrist>.allocate(capacity: 1)
        defer {
            memory.deallocate()
            tried.deallocate()
        }
        var found = edgeacc_self_test()
        guard edgeacc_wrist_self_test(tried, memory, bytes, &found) == 1 else {
            throw WristProblem.selfTestFailed("in C: scores off by \(found.score_difference), \(found.wrong_bytes) bytes wrong")
        }
    }
}
