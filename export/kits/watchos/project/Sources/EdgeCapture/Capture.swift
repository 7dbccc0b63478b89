#if os(watchOS)
import EdgeCore

/// One sample of the accelerometer: total acceleration with gravity, in g, in the case's own axes; `tNs` on the sensor's clock.
public struct Sample: Sendable {
    public let tNs: Int64
    public let x, y, z: Float

    init(seconds: Double, _ x: Double, _ y: Double, _ z: Double) {
        tNs = Int64((seconds * 1e9).rounded())
        (self.x, self.y, self.z) = (Float(x), Float(y), Float(z))
    }
}

/// A way to read the accelerometer.
public protocol Capture {
    /// As Apple says; the signal code undoes jitter and refuses what is more than 5 % off.
    static var rateHz: Double { get }

    /// Samples in the order of their times, in batches; ends when its task is cancelled.
    ///
    /// - Throws: `WristProblem.noSensor`, and what Core Motion throws.
    func batches() throws -> AsyncThrowingStream<[Sample], any Error>
}

/// Of every capture here. Apple states no range; the contract's own (8 g) is below it and decides.
public let rangeG: Float = 16
#endif
