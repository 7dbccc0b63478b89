import CEdge

/// The bundle's linear heart-rate probe. How wrong it is, card.md tells.
public struct Probe {
    private let numbers: UnsafePointer<Float>
    private let width = Int(edgeacc_kit_width())

    /// nil where the bundle had none.
    public init?() {
        guard let found = edgeacc_kit_probe() else { return nil }
        numbers = found
    }

    /// Beats per minute.
    public func heartRateBpm(_ embedding: [Float]) -> Float {
        var bpm = numbers[3 * width]
        for (at, value) in embedding.prefix(width).enumerated() {
            bpm += (value - numbers[at]) / numbers[width + at] * numbers[2 * width + at]
        }
        return bpm
    }
}
