import SwiftUI

/// One screen. No medical device.
@main
struct EdgeApp: App {
    @StateObject private var session = Session()

    var body: some Scene {
        WindowGroup {
            ScrollView {
                VStack(alignment: .leading, spacing: 8) {
                    Button("Live, 100 Hz") { session.live() }
                    Button("What was recorded, 50 Hz") { session.recorded() }
                    Button("Stop") { session.stop() }
                    ForEach(session.lines.indices, id: \.self) { at in
                        Text(session.lines[at]).font(.footnote)
                    }
                }
            }
            .task { await session.begin() }
        }
    }
}
