/// What went wrong between the sensor and an embedding; the app is told each, and no embedding comes of it.
public enum WristProblem: Error, Equatable {
    /// No sample for `WristStream.silentS` seconds; the last one's time.
    case sensorStopped(lastNs: Int64)
    /// A sample's time is before the last one's: up to 1 s, it is dropped; more, the window begins anew.
    case timeBackwards(atNs: Int64, lastNs: Int64)
    /// A gap too long to fill: the window begins anew.
    case gap(atNs: Int64, lastNs: Int64)
    /// More than 5 % off the rate that was stated: the window begins anew.
    case rateOff(statedHz: Double)
    /// A sample without a number: filled if the gap is short, else a gap.
    case notANumber(atNs: Int64)
    /// A rate that no table of the kit serves.
    case rateUnsupported(hz: Double, valid: String)
    /// The watch has no such sensor, or the wearer has not allowed it.
    case noSensor(String)
    /// Wrist or crown is not stated.
    case noFrame(String)
    /// A range, a stride or a frame that the C core does not take.
    case notPossible(String)
    /// The encoder's file is missing or damaged.
    case noModel(String)
    /// The encoder gave something that is no embedding.
    case encoderFailed(String)
    /// The golden window does not come out as in training.
    case selfTestFailed(String)
}
