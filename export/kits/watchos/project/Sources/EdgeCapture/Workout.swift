#if os(watchOS)
import EdgeCore
import Foundation
import HealthKit

/// Keeps the app running out of sight. It costs 100 to 175 mW, against 35 to 70 of a usual day: prefer `Recorder50`.
@MainActor
public final class Workout: NSObject, HKWorkoutSessionDelegate {
    private let store = HKHealthStore()
    private var session: HKWorkoutSession?

    /// Told when the system ends the session, such as for another app's.
    public var ended: ((WristProblem) -> Void)?

    /// - Throws: what HealthKit throws; `CancellationError` where its task was cancelled while the wearer was asked.
    public func start() async throws {
        stop()
        try await store.requestAuthorization(toShare: [HKObjectType.workoutType()], read: [])
        try Task.checkCancellation()
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

    nonisolated public func workoutSession(
        _ workoutSession: HKWorkoutSession, didChangeTo toState: HKWorkoutSessionState,
        from fromState: HKWorkoutSessionState, date: Date
    ) {}

    nonisolated public func workoutSession(_ workoutSession: HKWorkoutSession, didFailWithError error: any Error) {
        let problem = WristProblem.noSensor("the workout ended: \(error.localizedDescription)")
        Task { @MainActor in ended?(problem) }
    }
}
#endif
