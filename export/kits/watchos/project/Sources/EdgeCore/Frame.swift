import CEdge

/// Of the wrist, or of the case's side with the crown.
public enum Side: String, Sendable {
    case left, right

    var c: edgeacc_side { self == .left ? EDGEACC_LEFT : EDGEACC_RIGHT }
}

/// How the sensor lies in the contract's frame, which is told in edgeacc_signal.h.
public struct Frame: Sendable {
    let c: edgeacc_frame

    /// The frame of an Apple Watch.
    ///
    /// - Throws: `WristProblem.noFrame` where one of the two is not stated: it is asked, never guessed.
    public init(wrist: Side?, crown: Side?) throws {
        guard let wrist, let crown else {
            throw WristProblem.noFrame("the \(wrist == nil ? "wrist" : "crown") is not stated; ask the wearer")
        }
        var made = edgeacc_frame()
        guard edgeacc_frame_of_watch(EDGEACC_APPLE, wrist.c, crown.c, &made) == 1 else {
            throw WristProblem.noFrame("\(wrist), \(crown)")
        }
        c = made
    }

    /// Samples that are in the contract's frame already.
    public static let same = Frame()

    private init() {
        c = edgeacc_frame(from: (0, 1, 2), sign: (1, 1, 1))
    }
}
