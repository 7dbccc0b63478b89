#if os(watchOS)
import EdgeCore
import Foundation
import HealthKit

/// Keeps the app running out of sight. It costs 100 to 175 mW, against 35 to 70 of a usual day: prefer `Recorder50`.
public final class Workout: NSObject, HKWorkoutSessionDelegate {
    private let store = HKHealthStore()
    private var session: HKWorkoutSession?

    /// Told when the system ends the session, such as for another app's.
    public var ended: (@Sendable (WristProblem) -> Void)?

    /// - Throws: what HealthKit throws.
    public func start() async throws {
        try await store.requestAuthorization(toShare: [HKObjectType.workoutType()], read: [])
        let configuration = HKWorkoutConfiguration()
        configuration.activityType = .other
        configuration.locationType = .indoor
        let made = try HKWorkoutSession(healthStore: store, configuration: configuration)
        made.delegate = self
        made.startActivity(with: Date())
        session = made
    }

    public func stop() {
        session?.end()
        session = nil
    }

    public func workoutSession(
        _ workoutSession: HKWorkoutSession, didChangeTo toState: HKWorkoutSessionState,
        from fromState: HKWorkoutSessionState, date: Date
    ) {}

    public func workoutSession(_ workoutSession: HKWorkoutSession, didFailWithError error: any Error) {
        ended?(.noSensor("the workout ended: \(error.localizedDescription)"))
    }
}
#endif
