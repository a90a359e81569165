import Foundation
import Testing
import Vitalwitness

@testable import VitalwitnessPhone

/// The radio of an Apple phone over a port that answers as a strap does.
@Suite struct PhoneRadioTests {
    private func radio(
        _ port: SoftPort, _ limit: Duration = .seconds(30), near: @escaping @Sendable (String) -> Void = { _ in }
    ) -> PhoneRadio {
        let radio = PhoneRadio(port: port, limit: limit, near: near)
        radio.changed(.on)
        return radio
    }

    @Test("a strap is found, paired and worn: its beats are records of the vault")
    func worn() async throws {
        try await inFolder { folder in
            let (phone, port) = (try await Phone.new(folder), SoftPort())
            let radio = radio(port)
            phone.vault.attachRadio(radio: radio, inbox: radio.inbox, tellsBonds: false)
            let (offers, found) = AsyncStream<DeviceOffer>.makeStream()
            async let scan: Void = phone.vault.scan(forMs: 300, listener: Finding(found))
            var offers_ = offers.makeAsyncIterator()
            let offer = try given(await offers_.next())
            try await scan
            let sensor = try await phone.vault.pairSensor(
                device: offer.device, wearer: "me", user: .onlyMe, keepSerial: false, wall: WallClock(of: utc))
            #expect(sensor.peripheral == strap)
            let (counts, taken) = AsyncStream<Int>.makeStream()
            let subscribing = port.making("subscribe")
            async let session: Void = phone.vault.runSensor(
                sensor: sensor.id, goal: .live, present: false, wall: WallClock(of: utc), listener: Listening(taken))
            for await _ in subscribing { break }
            for beat in 0..<3 {
                let at = Date(timeIntervalSinceNow: Double(beat) - 600)
                radio.updated(strap, measurement, .success(Data([0x16, UInt8(71 + beat), 0x20, 0x03])), at: at)
            }
            var kept = 0
            for await more in counts {
                kept += more
                if kept >= 3 { break }
            }
            try await phone.vault.stopSensor(sensor: sensor.id)
            try await session
            let counted = try await phone.vault.counts()
            #expect(try given(counted.first { $0.code == heartRate }).records == 3)
            #expect(port.calls.last == "cancel")
        }
    }

    @Test("a device that is silent is given up at the limit, its link is ended, and the next try can work")
    func silentDevice() async throws {
        for call in ["connect", "discover", "read", "subscribe"] {
            let port = SoftPort()
            let radio = radio(port, .milliseconds(40))
            port.silent(call)
            await #expect(throws: RadioError.Unreachable, "\(call)") {
                _ = try await radio.connect(peripheral: strap)
                _ = try await radio.read(peripheral: strap, from: battery)
                try await radio.subscribe(peripheral: strap, to: measurement)
            }
            #expect(port.calls.last == "cancel", "\(call)")
            await #expect(throws: RadioError.Unreachable) { try await radio.read(peripheral: strap, from: battery) }
            port.silent()
            #expect(try await radio.connect(peripheral: strap).offered.count == 3)
            #expect(try await radio.read(peripheral: strap, from: battery) == Data([0x58]))
        }
    }

    @Test("without Bluetooth each call says why, and a phone that has not said yet is waited for")
    func noBluetooth() async throws {
        let port = SoftPort()
        let radio = PhoneRadio(port: port, limit: .milliseconds(40))
        await #expect(throws: RadioError.Off) { try await radio.scan(services: [0x180D]) }
        radio.changed(.notAllowed)
        await #expect(throws: RadioError.NotAllowed) { try await radio.connect(peripheral: strap) }
        radio.changed(.off)
        await #expect(throws: RadioError.Off) { try await radio.scan(services: [0x180D]) }
        #expect(port.calls.isEmpty)
        let late = PhoneRadio(port: port)
        async let link = late.connect(peripheral: strap)
        late.changed(.on)
        #expect(try await link.offered.count == 3)
    }

    @Test("a call waits for the one before it, also when that one's caller has gone")
    func turns() async throws {
        let port = SoftPort()
        let radio = radio(port)
        _ = try await radio.connect(peripheral: strap)
        port.silent("read")
        let reading = port.making("read")
        let first = Task { try await radio.read(peripheral: strap, from: battery) }
        for await _ in reading { break }
        first.cancel()
        let second = Task { try await radio.write(peripheral: strap, to: control, bytes: Data([1, 1])) }
        let third = Task { try await radio.subscribe(peripheral: strap, to: measurement) }
        for _ in 0..<100 { await Task.yield() }
        #expect(!port.calls.contains("write") && !port.calls.contains("subscribe"))
        radio.updated(strap, battery, .success(Data([7])), at: Date())
        #expect(try await first.value == Data([7]))
        try await second.value
        try await third.value
        #expect(port.calls.filter { ["read", "write", "subscribe"].contains($0) }.first == "read")
    }

    @Test("the end of a link ends every call that waits for it, and none hangs")
    func linkGone() async throws {
        let port = SoftPort()
        let radio = radio(port)
        _ = try await radio.connect(peripheral: strap)
        port.silent("read")
        let reading = port.making("read")
        let calls = (0..<3).map { _ in Task { try await radio.read(peripheral: strap, from: battery) } }
        for await _ in reading { break }
        radio.ended(strap, .central(6))
        for call in calls { await #expect(throws: RadioError.Unreachable) { try await call.value } }
        _ = try await radio.connect(peripheral: strap)
        let again = port.making("read")
        let last = Task { try await radio.read(peripheral: strap, from: battery) }
        for await _ in again { break }
        radio.changed(.off)
        await #expect(throws: RadioError.Off) { try await last.value }
        await #expect(throws: RadioError.Off) { try await radio.read(peripheral: strap, from: battery) }
    }

    @Test("a value that comes while another is read is no answer to that read")
    func unasked() async throws {
        let port = SoftPort()
        let radio = radio(port)
        _ = try await radio.connect(peripheral: strap)
        port.silent("read")
        let reading = port.making("read")
        let call = Task { try await radio.read(peripheral: strap, from: battery) }
        for await _ in reading { break }
        radio.updated(strap, measurement, .success(Data([0, 61])), at: Date())
        radio.updated(strap, battery, .success(Data([42])), at: Date())
        #expect(try await call.value == Data([42]))
    }

    @Test("what the device does not offer is not asked of it, and a write is answered where it can be")
    func notOffered() async throws {
        let port = SoftPort()
        let radio = radio(port)
        _ = try await radio.connect(peripheral: strap)
        let none = Characteristic(service: 0x1810, number: 0x2A35)
        await #expect(throws: RadioError.NotOffered) { try await radio.read(peripheral: strap, from: none) }
        await #expect(throws: RadioError.NotOffered) { try await radio.write(peripheral: strap, to: none, bytes: Data()) }
        await #expect(throws: RadioError.NotOffered) { try await radio.subscribe(peripheral: strap, to: none) }
        try await radio.write(peripheral: strap, to: control, bytes: Data([1]))
        #expect(port.calls == ["connect", "discover", "write"])
    }

    @Test("a link that does not come to stand says why, and is ended")
    func unknown() async throws {
        let port = SoftPort()
        port.state.with { $0.fails["connect"] = .central(12) }
        let radio = radio(port)
        await #expect(throws: RadioError.Unreachable) { try await radio.connect(peripheral: strap) }
        port.state.with { $0.fails = ["discover": .central(14)] }
        await #expect(throws: RadioError.NeedsBonding) { try await radio.connect(peripheral: strap) }
        #expect(port.calls.last == "cancel")
    }

    @Test("a bond is the system's affair: making one needs a link, and only the person ends one")
    func bonds() async throws {
        let radio = radio(SoftPort())
        await #expect(throws: RadioError.Unreachable) { try await radio.bond(peripheral: strap) }
        _ = try await radio.connect(peripheral: strap)
        try await radio.bond(peripheral: strap)
        await #expect(throws: RadioError.Refused) { try await radio.unbond(peripheral: strap) }
    }

    @Test("a device that is waited for is told once when it comes, and its link is not asked for again")
    func near() async throws {
        let port = SoftPort()
        port.silent("connect")
        let (came, come) = AsyncStream<String>.makeStream()
        let radio = radio(port, near: { come.yield($0) })
        radio.awaitNear(strap)
        #expect(port.calls == ["connect"])
        radio.connected(strap)
        var near = came.makeAsyncIterator()
        #expect(await near.next() == strap)
        let link = try await radio.connect(peripheral: strap)
        #expect(link.offered.count == 3 && !link.bonded)
        #expect(port.calls == ["connect", "discover"])
        try await radio.disconnect(peripheral: strap)
        radio.ended(strap, nil)
        // not waited for any more: a session's end does not begin the next one
        #expect(port.calls == ["connect", "discover", "cancel"])
        radio.awaitNear(strap)
        radio.changed(.off)
        radio.changed(.on)
        #expect(port.calls.filter { $0 == "connect" }.count == 3)
        radio.forgetNear(strap)
        radio.changed(.off)
        radio.changed(.on)
        #expect(port.calls.filter { $0 == "connect" }.count == 3)
    }

    @Test("a link that the system kept while the app was away is told of, and used; one nobody wants is ended")
    func restored() async throws {
        let port = SoftPort()
        port.silent("connect")
        let (came, come) = AsyncStream<String>.makeStream()
        let radio = PhoneRadio(port: port, near: { come.yield($0) })
        radio.restored([strap])
        radio.changed(.on)
        radio.connected(strap)
        // the system says it again
        radio.connected(strap)
        var near = came.makeAsyncIterator()
        #expect(await near.next() == strap)
        _ = try await radio.connect(peripheral: strap)
        #expect(port.calls == ["connect", "discover"])
        try await radio.disconnect(peripheral: strap)
        radio.connected(strap)
        #expect(port.calls == ["connect", "discover", "cancel", "cancel"])
        come.finish()
        #expect(await near.next() == nil, "it was told once")
    }

    @Test("each number of the Attribute Protocol and of CoreBluetooth is the error it means")
    func numbers() {
        let attribute: [(Int, RadioError)] = [
            (0x01, .NotOffered), (0x02, .NotOffered), (0x03, .NotOffered), (0x05, .NeedsBonding), (0x06, .NotOffered),
            (0x08, .NeedsBonding), (0x0A, .NotOffered), (0x0C, .NeedsBonding), (0x0F, .NeedsBonding), (0x11, .Refused),
            (0x80, .Refused), (0xFE, .Refused),
        ]
        for (code, error) in attribute { #expect(refusal(of: .attribute(code)) == error, "\(code)") }
        let central: [(Int, RadioError)] = [
            (0, .Refused), (3, .Unreachable), (6, .Unreachable), (7, .Unreachable), (10, .Unreachable), (11, .Unreachable),
            (14, .NeedsBonding), (15, .NeedsBonding), (16, .BondRefused), (99, .Refused),
        ]
        for (code, error) in central { #expect(refusal(of: .central(code)) == error, "\(code)") }
    }

    @Test("a UUID is an assigned number only where it stands on the base of Bluetooth")
    func uuids() {
        #expect(assignedNumber("180D") == 0x180D)
        #expect(assignedNumber("0000180d-0000-1000-8000-00805f9b34fb") == 0x180D)
        #expect(assignedNumber("0001180D-0000-1000-8000-00805F9B34FB") == nil)
        #expect(assignedNumber("6E400001-B5A3-F393-E0A9-E50E24DCCA9E") == nil)
        #expect(assignedNumber("") == nil && assignedNumber("18XD") == nil && assignedNumber("+18D") == nil)
        #expect(uuidText(0x2A) == "002A" && uuidText(0x180D) == "180D")
    }
}

private final class Finding: ScanListener {
    private let offers: AsyncStream<DeviceOffer>.Continuation

    init(_ offers: AsyncStream<DeviceOffer>.Continuation) {
        self.offers = offers
    }

    func found(offer: DeviceOffer) { offers.yield(offer) }
}

private final class Listening: SessionListener {
    private let kept: AsyncStream<Int>.Continuation

    init(_ kept: AsyncStream<Int>.Continuation) {
        self.kept = kept
    }

    func state(state: SessionState) {}

    func taken(counts: SensorCounts) { kept.yield(Int(counts.kept)) }
}
