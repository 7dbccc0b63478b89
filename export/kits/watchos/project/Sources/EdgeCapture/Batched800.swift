#if os(watchOS)
import CoreMotion
import EdgeCore

/// One batch a second at 800 Hz, within a workout, on Series 8, Ultra and later: for those who need more than 25 Hz of band.
public struct Batched800: Capture {
    public static let rateHz = 800.0

    private let manager = CMBatchedSensorManager()

    public init() {}

    public func batches() throws -> AsyncThrowingStream<[Sample], any Error> {
        guard CMBatchedSensorManager.isAccelerometerSupported else {
            throw WristProblem.noSensor("this watch gives no batches of 800 Hz (Series 8, Ultra and later do)")
        }
        let manager = manager
        return AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    for try await batch in manager.accelerometerUpdates() {
                        continuation.yield(
                            batch.map {
                                Sample(seconds: $0.timestamp, $0.acceleration.x, $0.acceleration.y, $0.acceleration.z)
                            })
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
#endif
