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

    /// What was recorded between two times.
    public init(from: Date, to: Date) {
        self.from = from
        self.to = to
    }

    public func batches() throws -> AsyncThrowingStream<[Sample], any Error> {
        try Self.requireSensor()
        let (from, to) = (from, to)
        return AsyncThrowingStream { continuation in
            let task = Task.detached {
                guard let list = CMSensorRecorder().accelerometerData(from: from, to: to) else {
                    continuation.finish()
                    return
                }
                var records = NSFastEnumerationIterator(list)
                var batch: [Sample] = []
                while !Task.isCancelled, let next = records.next() as? CMRecordedAccelerometerData {
                    let a = next.acceleration
                    // its `timestamp` was seen off by a constant; `startDate` was not
                    batch.append(Sample(seconds: next.startDate.timeIntervalSince1970, a.x, a.y, a.z))
                    if batch.count == 500 {
                        continuation.yield(batch)
                        batch.removeAll(keepingCapacity: true)
                    }
                }
                continuation.yield(batch)
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
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
#endif
