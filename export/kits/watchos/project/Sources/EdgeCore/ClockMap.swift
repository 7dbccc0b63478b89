/// The sensor's clock on the wall's: an offset fixed at the first sample, and anew when one of the clocks was set. Logs keep
/// both, and tell every change.
public struct ClockMap {
    /// Later than a batch comes late, sooner than a clock is set (our choice).
    private static let setS = 2.0

    private var offsetS: Double?

    public init() {}

    /// Once per batch of samples: the batch's latest sample, and the wall's clock (seconds since 1970) at its arrival.
    /// - Returns: whether the offset is new.
    public mutating func see(sensorNs: Int64, wallS: Double) -> Bool {
        let observedS = wallS - Double(sensorNs) / 1e9
        if let offsetS, abs(observedS - offsetS) <= Self.setS {
            return false
        }
        offsetS = observedS
        return true
    }

    /// Seconds since 1970 of a sample; nil before the first batch.
    public func wallS(_ sensorNs: Int64) -> Double? {
        offsetS.map { Double(sensorNs) / 1e9 + $0 }
    }
}
