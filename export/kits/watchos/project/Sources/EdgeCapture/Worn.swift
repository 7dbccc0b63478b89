#if os(watchOS)
import EdgeCore
import WatchKit

extension Frame {
    /// The frame by the wearer's own settings of the watch: wrist and crown.
    ///
    /// - Throws: `WristProblem.noFrame` for a setting that is not known.
    public static func worn(on device: WKInterfaceDevice) throws -> Frame {
        let wrist = side(isLeft: device.wristLocation == .left, isRight: device.wristLocation == .right)
        let crown = side(isLeft: device.crownOrientation == .left, isRight: device.crownOrientation == .right)
        return try Frame(wrist: wrist, crown: crown)
    }

    private static func side(isLeft: Bool, isRight: Bool) -> Side? {
        if isLeft {
            return .left
        }
        return isRight ? .right : nil
    }
}
#endif
