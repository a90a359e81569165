import Foundation
import Vitalwitness
import VitalwitnessPhone

let strap = "7E1D5C6E-0B6C-4E0E-9C55-0B6B9C7D0001"
let measurement = Characteristic(service: 0x180D, number: 0x2A37)
let battery = Characteristic(service: 0x180F, number: 0x2A19)
let control = Characteristic(service: 0x1808, number: 0x2A52)

/// Stands in for CoreBluetooth: answers as a heart rate strap would, or is silent where it is told to be.
final class SoftPort: RadioPort {
    struct State {
        var calls: [String] = []
        var silent: Set<String> = []
        var fails: [String: RadioFailure] = [:]
        var watching: [(String, AsyncStream<Void>.Continuation)] = []
    }

    let state = Guarded(State())
    private let radio = Guarded<Told?>(nil)
    private struct Told { weak var radio: PhoneRadio? }

    var calls: [String] { state.with { $0.calls } }
    var told: PhoneRadio? { radio.with { $0?.radio } }

    func silent(_ calls: String...) { state.with { $0.silent = Set(calls) } }

    /// Returns when `call` was made from now on.
    func making(_ call: String) -> AsyncStream<Void> {
        let (made, make) = AsyncStream<Void>.makeStream()
        state.with { $0.watching.append((call, make)) }
        return made
    }

    func tell(_ radio: PhoneRadio) { self.radio.with { $0 = Told(radio: radio) } }

    func scan(_ services: [UInt16]) {
        did("scan") { $0.found(FoundDevice(peripheral: strap, name: "HR Strap", services: [0x180D], rssi: -60)) }
    }

    func stopScan() { did("stopScan") { _ in } }

    func connect(_ peripheral: String) {
        let failure = state.with { $0.fails["connect"] }
        did("connect") { failure == nil ? $0.connected(peripheral) : $0.ended(peripheral, failure) }
    }

    func cancel(_ peripheral: String) { did("cancel") { _ in } }

    func discover(_ peripheral: String) {
        let offered = [
            OfferedCharacteristic(characteristic: measurement, properties: 0x10),
            OfferedCharacteristic(characteristic: battery, properties: 0x12),
            OfferedCharacteristic(characteristic: control, properties: 0x28),
        ]
        let failure = state.with { $0.fails["discover"] }
        did("discover") { $0.discovered(peripheral, failure.map { .failure($0) } ?? .success(offered)) }
    }

    func read(_ peripheral: String, _ from: Characteristic) {
        let failure = state.with { $0.fails["read"] }
        did("read") { $0.updated(peripheral, from, failure.map { .failure($0) } ?? .success(Data([0x58])), at: Date()) }
    }

    func write(_ peripheral: String, _ to: Characteristic, _ bytes: Data, withAnswer: Bool) {
        did(withAnswer ? "write" : "write without answer") { $0.wrote(peripheral, to, nil) }
    }

    func subscribe(_ peripheral: String, _ to: Characteristic) { did("subscribe") { $0.subscribed(peripheral, to, nil) } }

    private func did(_ call: String, _ answer: (PhoneRadio) -> Void) {
        let (silent, watching) = state.with { state in
            state.calls.append(call)
            return (state.silent.contains(call), state.watching.filter { $0.0 == call })
        }
        watching.forEach { $0.1.yield() }
        if !silent, let radio = told { answer(radio) }
    }
}
