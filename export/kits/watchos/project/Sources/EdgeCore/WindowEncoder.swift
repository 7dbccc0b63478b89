/// A network: a prepared window in, its embedding out.
public protocol WindowEncoder {
    /// For people, such as "Core ML, all".
    var name: String { get }

    /// - Parameter scores: (3, T), one axis behind the other.
    /// - Throws: `WristProblem.noModel`, `.encoderFailed`.
    func embed(_ scores: [Float]) throws -> [Float]
}
