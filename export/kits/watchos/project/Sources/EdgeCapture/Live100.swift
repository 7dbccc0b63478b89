#if os(watchOS)
import CoreMotion
import EdgeCore
import Foundation

/// Samples as they come, while the app is active or within a workout. One per app: Core Motion asks for a single manager.
public struct Live100: Capture {
    public static let rateHz = 100.0

    private let manager: CMMotionManager

    public init(manager: CMMotionManager) {
        self.manager = manager
    }

    public func batches() throws -> AsyncThrowingStream<[Sample], any Error> {
        guard manager.isAccelerometerAvailable else {
            throw WristProblem.noSensor("this watch has no accelerometer")
        }
        let manager = manager
        manager.accelerometerUpdateInterval = 1 / Self.rateHz
        return AsyncThrowingStream { continuation in
            let queue = OperationQueue()
            queue.maxConcurrentOperationCount = 1
            manager.startAccelerometerUpdates(to: queue) { data, error in
                if let data {
                    let a = data.acceleration
                    continuation.yield([Sample(seconds: data.timestamp, a.x, a.y, a.z)])
                } else if let error {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in manager.stopAccelerometerUpdates() }
        }
    }
}
#endif
