#if os(watchOS)
import CoreMotion
import EdgeCore
import Foundation

/// What the watch recorded by itself, with the app suspended: the way that costs least. Data come up to 3 minutes late.
public struct Recorder50: Capture {
    public static let rateHz = 50.0

    private let from: Date
    private let to: Date

    /// Ask the watch to record, up to 12 hours; it keeps the samples for three days.
    ///
    /// - Throws: `WristProblem.noSensor`.
    public static func record(forS seconds: Double) throws {
        try requireSensor()
        CMSensorRecorder().recordAccelerometer(forDuration: min(seconds, 43_200))
    }

    /// What was recorded between two times, at most 12 hours apart.
    public init(from: Date, to: Date) {
        self.from = from
        self.to = to
    }

    public func batches() throws -> AsyncThrowingStream<[Sample], any Error> {
        try Self.requireSensor()
        let records = Records(from: from, to: to)
        return AsyncThrowingStream { Task.isCancelled ? nil : await records.next() }
    }

    private static func requireSensor() throws {
        guard CMSensorRecorder.isAccelerometerRecordingAvailable() else {
            throw WristProblem.noSensor("this watch does not record the accelerometer")
        }
        guard CMSensorRecorder.authorizationStatus() != .denied else {
            throw WristProblem.noSensor("the wearer has not allowed motion and fitness")
        }
    }
}

/// Reads a minute when it is asked for one: 12 hours are two million samples, which a watch does not hold at once. A sample
/// that two minutes share is a repeated one, which the signal code drops.
private actor Records {
    private static let minuteS = 60.0

    private let recorder = CMSensorRecorder()
    private var from: Date
    private let to: Date

    init(from: Date, to: Date) {
        self.from = from
        self.to = to
    }

    /// nil behind the last minute in which something was recorded.
    func next() -> [Sample]? {
        while from < to {
            let end = min(from.addingTimeInterval(Self.minuteS), to)
            let samples = autoreleasepool { read(to: end) }
            from = end
            if !samples.isEmpty {
                return samples
            }
        }
        return nil
    }

    private func read(to end: Date) -> [Sample] {
        guard let list = recorder.accelerometerData(from: from, to: end) else { return [] }
        var records = NSFastEnumerationIterator(list)
        var samples: [Sample] = []
        while let next = records.next() as? CMRecordedAccelerometerData {
            let a = next.acceleration
            // its `timestamp` was seen off by a constant; `startDate` was not
            samples.append(Sample(seconds: next.startDate.timeIntervalSince1970, a.x, a.y, a.z))
        }
        return samples
    }
}
#endif
