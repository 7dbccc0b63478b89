import Foundation
import WatchKit

/// A line every five minutes in Documents/battery.csv: seconds since 1970, battery level (0 to 1, in steps of the system's).
@MainActor
final class BatteryLog {
    private let file = FileManager.default.urls(for: .documentDirectory, in: .userDomainMask)[0]
        .appendingPathComponent("battery.csv")
    private var timer: Timer?

    func begin() {
        guard timer == nil else { return }
        WKInterfaceDevice.current().isBatteryMonitoringEnabled = true
        log()
        timer = Timer.scheduledTimer(withTimeInterval: 300, repeats: true) { [weak self] _ in
            Task { @MainActor in self?.log() }
        }
    }

    private func log() {
        let level = WKInterfaceDevice.current().batteryLevel
        let line = String(format: "%.0f,%.2f\n", Date().timeIntervalSince1970, level)
        if let handle = try? FileHandle(forWritingTo: file) {
            handle.seekToEndOfFile()
            handle.write(Data(line.utf8))
            try? handle.close()
        } else {
            try? Data(line.utf8).write(to: file)
        }
    }
}
