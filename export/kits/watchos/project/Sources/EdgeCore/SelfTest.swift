import CEdge
import Foundation

/// The golden window through signal code and encoder. Run when the app starts: an update of the system can change more than
/// it says.
public struct SelfTest {
    /// Of standard scores.
    public static let tolerance: Float = 1e-5

    public let verdict: Verdict
    /// Largest of the prepared window from training's.
    public let scoreDifference: Float
    /// How near the embedding is to the network's; nil where no encoder was tried.
    public let snrDb: Double?
    /// The least that is right.
    public let floorDb: Double

    /// - Parameter encoder: nil tries the signal code alone.
    /// - Throws: as the encoder.
    public init(_ encoder: (any WindowEncoder)?) throws {
        let stream = try Self.fed()
        let scores = stream.scores()
        verdict = stream.verdict
        scoreDifference = Self.largest(scores, from: edgeacc_kit_golden_scores())
        snrDb = try encoder.map { Self.snrDb(try $0.embed(scores)) }
        floorDb = Double(edgeacc_kit_golden_floor_db())
    }

    public var passed: Bool {
        verdict == .use && scoreDifference <= Self.tolerance && (snrDb.map { $0 >= floorDb } ?? true)
    }

    public var text: String {
        let encoder = snrDb.map { String(format: ", embedding %.1f dB (floor %.1f)", $0, floorDb) } ?? ""
        let difference = String(format: "%.2g", Double(scoreDifference))
        return "self-test \(passed ? "passed" : "FAILED"): window \(verdict), scores off by \(difference)\(encoder)"
    }

    /// Mean time from a whole window to its embedding: filters, standard scores, network.
    public static func milliseconds(_ encoder: any WindowEncoder, times: Int) throws -> Double {
        let stream = try fed()
        let start = Date()
        for _ in 0..<times {
            _ = try encoder.embed(stream.scores())
        }
        return Date().timeIntervalSince(start) * 1000 / Double(times)
    }

    private static func fed() throws -> SignalStream {
        let rateHz = Double(edgeacc_kit_rate_hz())
        let config = SignalConfig(rateHz: rateHz, frame: .same, rangeG: 16, strideS: 1)
        let stream = try SignalStream(config)
        let samples = SignalStream.samples
        guard let raw = edgeacc_kit_golden_raw_g() else { return stream }
        for at in 0..<samples {
            let tNs = Int64((Double(at) * 1e9 / rateHz).rounded())
            _ = stream.push(tNs, raw[at], raw[samples + at], raw[2 * samples + at])
        }
        return stream
    }

    private static func largest(_ values: [Float], from expected: UnsafePointer<Float>?) -> Float {
        guard let expected else { return .infinity }
        var most: Float = 0
        for (at, value) in values.enumerated() {
            let apart = abs(value - expected[at])
            most = apart.isNaN ? .infinity : max(most, apart)
        }
        return most
    }

    private static func snrDb(_ embedding: [Float]) -> Double {
        guard let expected = edgeacc_kit_golden_embedding(), embedding.count == Int(edgeacc_kit_width()) else {
            return -.infinity
        }
        var power = 0.0
        for (at, value) in embedding.enumerated() {
            let apart = Double(value - expected[at])
            power += apart * apart
        }
        let spread = Double(edgeacc_kit_golden_spread())
        let found = 10 * log10(spread * spread / power)
        return found.isNaN ? -.infinity : found
    }
}
