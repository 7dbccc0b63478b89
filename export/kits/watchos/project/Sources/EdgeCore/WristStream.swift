/// What came of a sample.
public enum Event: Equatable {
    /// A window's embedding; its end on the sensor's clock.
    case embedding(endNs: Int64, [Float])
    /// A window that may not be used, and why.
    case unusable(endNs: Int64, Verdict)
    case problem(WristProblem)
}

/// From samples to embeddings: an embedding comes only of a whole, still, worn window. Not for several threads at once.
public final class WristStream {
    /// Without a sample for so long, the sensor has stopped.
    public static let silentS = 2.0

    private let stream: SignalStream
    private let encoder: any WindowEncoder
    private let rateHz: Double
    private var lastNs: Int64?
    private var silent = false

    /// - Throws: `WristProblem.selfTestFailed`, and as `SignalStream` and the encoder: nothing is embedded by code that is
    ///   wrong on this watch.
    public init(_ config: SignalConfig, encoder: any WindowEncoder) throws {
        let tried = try SelfTest(encoder)
        guard tried.passed else {
            throw WristProblem.selfTestFailed(tried.text)
        }
        stream = try SignalStream(config)
        rateHz = config.rateHz
        self.encoder = encoder
    }

    /// One sample in g, its time in ns on the sensor's own clock (not that of its arrival).
    public func push(_ tNs: Int64, _ x: Float, _ y: Float, _ z: Float) -> [Event] {
        let beforeNs = lastNs ?? tNs
        let taken = stream.push(tNs, x, y, z)
        if taken != .missing && taken != .duplicate {
            lastNs = tNs
            silent = false
        }
        var events: [Event] = []
        if let problem = problem(taken, tNs, beforeNs) {
            events.append(.problem(problem))
        }
        if stream.due {
            events.append(embed(tNs))
        }
        return events
    }

    /// Ask every second, with the present time of the sensor's clock; told once.
    public func checkSilence(presentNs: Int64) -> WristProblem? {
        guard let lastNs, !silent, Double(presentNs - lastNs) >= Self.silentS * 1e9 else { return nil }
        silent = true
        return .sensorStopped(lastNs: lastNs)
    }

    private func problem(_ taken: Taken, _ tNs: Int64, _ beforeNs: Int64) -> WristProblem? {
        switch taken {
        case .taken: return nil
        case .missing: return .notANumber(atNs: tNs)
        case .duplicate: return tNs < beforeNs ? .timeBackwards(atNs: tNs, lastNs: beforeNs) : nil
        case .clock: return .timeBackwards(atNs: tNs, lastNs: beforeNs)
        case .gap: return .gap(atNs: tNs, lastNs: beforeNs)
        case .rate: return .rateOff(statedHz: rateHz)
        }
    }

    private func embed(_ endNs: Int64) -> Event {
        let verdict = stream.verdict
        guard verdict == .use else {
            return .unusable(endNs: endNs, verdict)
        }
        do {
            let embedding = try encoder.embed(stream.scores())
            guard embedding.allSatisfy({ $0.isFinite }) else {
                return .problem(.encoderFailed("its embedding holds what is no number"))
            }
            return .embedding(endNs: endNs, embedding)
        } catch let problem as WristProblem {
            return .problem(problem)
        } catch {
            return .problem(.encoderFailed("\(error)"))
        }
    }
}
