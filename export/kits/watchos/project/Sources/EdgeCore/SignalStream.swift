import CEdge

/// What may be done with a window.
public enum Verdict: Equatable, Sendable {
    case use, saturated, frozen, motion, offWrist, notDue

    init(_ c: edgeacc_verdict) {
        switch c {
        case EDGEACC_USE: self = .use
        case EDGEACC_SATURATED: self = .saturated
        case EDGEACC_FROZEN: self = .frozen
        case EDGEACC_MOTION: self = .motion
        case EDGEACC_OFF_WRIST: self = .offWrist
        default: self = .notDue
        }
    }
}

/// What a pushed sample did; see edgeacc_taken.
public enum Taken: Equatable, Sendable {
    case taken, missing, duplicate, clock, gap, rate

    init(_ c: edgeacc_taken) {
        switch c {
        case EDGEACC_MISSING: self = .missing
        case EDGEACC_DUPLICATE: self = .duplicate
        case EDGEACC_CLOCK: self = .clock
        case EDGEACC_GAP: self = .gap
        case EDGEACC_RATE: self = .rate
        default: self = .taken
        }
    }
}

/// A sensor, and how often a window is wanted.
public struct SignalConfig {
    public var rateHz: Double
    public var frame: Frame
    public var rangeG: Float
    public var strideS: Double

    /// - Parameters:
    ///   - rateHz: the sensor's, as it is said to be.
    ///   - frame: how it lies on the wrist.
    ///   - rangeG: its own: at this a sample is saturated.
    ///   - strideS: a window every so many seconds, from 1 s.
    public init(rateHz: Double, frame: Frame, rangeG: Float, strideS: Double) {
        self.rateHz = rateHz
        self.frame = frame
        self.rangeG = rangeG
        self.strideS = strideS
    }
}

/// The C core: samples in g in, prepared windows out. Not for several threads at once.
public final class SignalStream {
    /// Samples of a window.
    public static let samples = Int(edgeacc_kit_samples())

    private let signal: UnsafeMutablePointer<edgeacc_signal>
    private let memory: UnsafeMutableRawPointer

    /// - Throws: `WristProblem.rateUnsupported`, `.notPossible`.
    public init(_ config: SignalConfig) throws {
        guard let tables = edgeacc_tables_at(Float(config.rateHz)) else {
            throw WristProblem.rateUnsupported(hz: config.rateHz, valid: EDGEACC_RATES)
        }
        let stride = config.strideS * Double(edgeacc_kit_rate_hz()) + 0.5
        guard stride >= 1, stride < 4e9 else {
            throw WristProblem.notPossible("a stride of \(config.strideS) s; valid: from 1 s")
        }
        var made = edgeacc_config(
            tables: tables, frame: config.frame.c, unit_g: 1, range_g: config.rangeG, stride: UInt32(stride), fixed_bits: -1)
        let bytes = edgeacc_signal_bytes(&made)
        guard bytes > 0 else {
            throw WristProblem.notPossible("range \(config.rangeG) g, stride \(config.strideS) s; valid: above 0 g, from 1 s")
        }
        signal = UnsafeMutablePointer<edgeacc_signal>.allocate(capacity: 1)
        memory = UnsafeMutableRawPointer.allocate(byteCount: Int(bytes), alignment: 16)
        _ = edgeacc_signal_open(signal, &made, memory, bytes)
    }

    deinit {
        memory.deallocate()
        signal.deallocate()
    }

    /// One sample in g, total acceleration with gravity; its time in ns on the sensor's own clock.
    public func push(_ tNs: Int64, _ x: Float, _ y: Float, _ z: Float) -> Taken {
        Taken(edgeacc_signal_push(signal, tNs, [x, y, z]))
    }

    /// Whether a window became due with the last sample.
    public var due: Bool { edgeacc_signal_due(signal) != 0 }

    /// What may be done with the window that is due.
    public var verdict: Verdict { Verdict(edgeacc_signal_verdict(signal)) }

    /// Standard scores of the window that is due: (3, T), one axis behind the other.
    public func scores() -> [Float] {
        var scores = [Float](repeating: 0, count: 3 * Self.samples)
        scores.withUnsafeMutableBufferPointer { all in
            guard let start = all.baseAddress else { return }
            for axis in 0..<3 {
                edgeacc_signal_scores(signal, UInt32(axis), start + axis * Self.samples)
            }
        }
        return scores
    }
}
