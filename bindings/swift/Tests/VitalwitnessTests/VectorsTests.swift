import Foundation
import Testing
import Vitalwitness

/// Receipts, bundles and completeness proofs, judged through the binding as in every other language.
@Suite struct VectorsTests {
    @Test("every receipt is judged as its vector says")
    func receipts() throws {
        let judged = try judge(["receipt", "receipt-more"]) { file, input in
            try verifyReceipt(
                receipt: given(file.bytes(input, "receipt")), disclosure: file.bytes(input, "disclosure"),
                trust: file.trust(input))
        }
        #expect(judged == 310)
    }

    @Test("every bundle is judged as its vector says")
    func bundles() throws {
        let judged = try judge(["bundle"]) { file, input in
            try verifyBundle(bundle: given(file.bytes(input, "bundle")), trust: file.trust(input))
        }
        #expect(judged == 203)
    }

    @Test("every completeness proof is judged as its vector says")
    func completeness() throws {
        // what has no proof in it is of a channel's head alone
        let judged = try judge(["completeness", "completeness-more"]) { file, input in
            guard let proof = try file.bytes(input, "proof") else { return nil }
            return try verifyCompleteness(proof: proof, trust: file.trust(input))
        }
        #expect(judged == 54 + 139)
    }

    private func judge(_ names: [String], _ verdict: (Vectors, JSON) throws -> Verdict?) throws -> Int {
        var judged = 0
        for name in names {
            let file = try Vectors(name)
            for one in file.cases {
                let id = try given(one["id"] as? String)
                guard let told = try verdict(file, file.input(id)) else { continue }
                try check(id, given(one["expect"] as? JSON), told)
                judged += 1
            }
        }
        return judged
    }

    private func check(_ id: String, _ expect: JSON, _ verdict: Verdict) throws {
        switch verdict {
        case .holds(let json):
            let facts = try given(expect["facts"], "\(id) is to be refused")
            #expect(try sorted(facts) == sorted(given(read(json)["facts"])), "\(id)")
        case .refused(_, _, let json):
            let code = try given(expect["reject"], "\(id) holds")
            #expect(try sorted(code) == sorted(given(read(json)["reject"])), "\(id)")
        }
    }
}

private typealias JSON = [String: Any]

private struct Vectors {
    let cases: [JSON]

    init(_ name: String) throws {
        cases = try given(read(text("\(repository)/tests/vectors/\(name).json"))["cases"] as? [JSON])
    }

    func input(_ id: String) throws -> JSON {
        try given(cases.first { $0["id"] as? String == id }?["input"] as? JSON)
    }

    /// A member that is bytes: hex, or its parts in order: hex, [hex, count], [id, from, to] of another case.
    func bytes(_ input: JSON, _ member: String) throws -> Data? {
        if let fill = input["\(member)_fill"] as? [Any] { return try filled(fill) }
        if let hex = input[member] as? String { return try bytes(hex) }
        guard let parts = input[member] as? [Any] else { return nil }
        var whole = Data()
        for part in parts {
            if let hex = part as? String {
                whole += try bytes(hex)
            } else {
                let part = try given(part as? [Any])
                if part.count == 2 {
                    whole += try filled(part)
                } else {
                    let id = try given(part[0] as? String)
                    let other = try given(bytes(self.input(id), member))
                    whole += other[try number(part[1])..<number(part[2])]
                }
            }
        }
        return whole
    }

    /// A trust given as text is that of the case of that name.
    func trust(_ input: JSON) throws -> String {
        let trust = try given(input["trust"])
        return if let id = trust as? String { try self.trust(self.input(id)) } else { try sorted(trust) }
    }

    private func filled(_ part: [Any]) throws -> Data {
        let one = try bytes(given(part[0] as? String))
        return try Data((0..<one.count * number(part[1])).map { one[$0 % one.count] })
    }

    private func number(_ value: Any) throws -> Int { try given((value as? NSNumber)?.intValue ?? (value as? Int)) }

    private func bytes(_ hex: String) throws -> Data {
        let digits = try hex.utf8.map { try given(Character(Unicode.Scalar($0)).hexDigitValue) }
        return Data(stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
    }
}

private func read(_ json: String) throws -> JSON {
    try given(JSONSerialization.jsonObject(with: Data(json.utf8)) as? JSON)
}

/// One text for what is equal.
private func sorted(_ value: Any) throws -> String {
    let text = try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
    return String(decoding: text, as: UTF8.self)
}
