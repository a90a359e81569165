import Foundation
import Testing
import Vitalwitness

/// A heart rate strap behind the Radio trait: what it offers and sends was recorded, as `tests/vectors/gatt` has it.
final class Strap: Radio {
    private struct State {
        var scans = 0
        var connectFails: RadioError?
    }

    static let device = FoundDevice(peripheral: "F0:0D:BE:EF:00:01", name: "HR Strap", services: [0x180D], rssi: -60)

    private let vault: Vault
    private let inbox = RadioInbox()
    private let measurement = Characteristic(service: 0x180D, number: 0x2A37)
    private let battery = Characteristic(service: 0x180F, number: 0x2A19)
    private let listening = Gate()
    private let state = Guarded(State())

    var scans: Int { state.with { $0.scans } }

    init(_ vault: Vault) {
        self.vault = vault
        vault.attachRadio(radio: self, inbox: inbox, tellsBonds: true)
    }

    func connectFails(_ error: RadioError?) { state.with { $0.connectFails = error } }

    func pair(_ wearer: String) async throws -> Sensor {
        let (offers, found) = AsyncStream<DeviceOffer>.makeStream()
        // a scan ends at its time: Swift cancels no call
        async let scan: Void = vault.scan(forMs: 300, listener: Finding(found))
        for await offer in offers {
            try await scan
            #expect(offer.collects == ["heart rate"])
            #expect(offer.step == "wear")
            return try await vault.pairSensor(
                device: offer.device, wearer: wearer, user: .onlyMe, keepSerial: false, wall: WallClock(of: utc))
        }
        throw Unexpected()
    }

    /// Wears it until `count` readings are kept; returns how many records it gave.
    func wear(_ sensor: Sensor, _ count: Int) async throws -> Int {
        let (counts, taken) = AsyncStream<Int>.makeStream()
        async let session: Void = vault.runSensor(
            sensor: sensor.id, goal: .live, present: false, wall: WallClock(of: utc), listener: Listening(taken))
        await listening.passed()
        let at = Date(timeIntervalSinceNow: -600)
        for beat in 0..<count {
            let frame = Data([0x16, UInt8(71 + beat), 0x20, 0x03])
            let then = at.addingTimeInterval(Double(beat))
            inbox.onEvent(event: .value(
                peripheral: Strap.device.peripheral, from: measurement, bytes: frame, at: then, confirmed: false))
        }
        var kept = 0
        for await more in counts {
            kept += more
            if kept >= count { break }
        }
        try await vault.stopSensor(sensor: sensor.id)
        try await session
        return kept
    }

    func scan(services: [UInt16]) async throws {
        guard services.contains(0x180D) else { throw RadioError.Refused }
        state.with { $0.scans += 1 }
        inbox.onEvent(event: .found(device: Strap.device))
    }

    func stopScan() async throws { state.with { $0.scans -= 1 } }

    func connect(peripheral: String) async throws -> RadioLink {
        if let error = state.with({ $0.connectFails }) { throw error }
        let offered = [
            OfferedCharacteristic(characteristic: measurement, properties: 0x10),
            OfferedCharacteristic(characteristic: battery, properties: 0x02),
        ]
        return RadioLink(offered: offered, bonded: false)
    }

    func bond(peripheral: String) async throws { throw RadioError.BondRefused }

    func unbond(peripheral: String) async throws {}

    func read(peripheral: String, from: Characteristic) async throws -> Data {
        guard from == battery else { throw RadioError.NotOffered }
        return Data([0x58])
    }

    func write(peripheral: String, to: Characteristic, bytes: Data) async throws { throw RadioError.NotOffered }

    func subscribe(peripheral: String, to: Characteristic) async throws {
        if to == measurement { listening.open() }
    }

    func disconnect(peripheral: String) async throws { inbox.onEvent(event: .disconnected(peripheral: peripheral)) }
}

final class Finding: ScanListener {
    private let offers: AsyncStream<DeviceOffer>.Continuation

    init(_ offers: AsyncStream<DeviceOffer>.Continuation) {
        self.offers = offers
    }

    func found(offer: DeviceOffer) { offers.yield(offer) }
}

final class Listening: SessionListener {
    private let kept: AsyncStream<Int>.Continuation

    init(_ kept: AsyncStream<Int>.Continuation) {
        self.kept = kept
    }

    func state(state: SessionState) {}

    func taken(counts: SensorCounts) { kept.yield(Int(counts.kept)) }
}
