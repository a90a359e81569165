import Foundation
import Samples
import Testing
import Vitalwitness

/// The generated interface, as it is recorded in `api.txt`: a change of it is a decision.
@Suite struct ApiTests {
    private let recorded = "\(repository)/bindings/swift/api.txt"

    /// Types, their fields and cases, functions: one line each, sorted.
    private static let api = Result { try read() }

    private func api() throws -> [String] { try ApiTests.api.get() }

    private static func read() throws -> [String] {
        let source = try text(generated).replacing(/(?s)\/\*\*.*?\*\//, with: "")
        var found = Set<String>()
        var (kind, within, pieces) = ("", "", [String]())
        for line in source.split(separator: "\n") {
            if let type = line.firstMatch(of: /^(?:public |open )?(struct|enum|protocol|class) (\w+)([^{]*)\{/) {
                let hidden = /(?i)ffi|Impl$|^RustBuffer$|^UniffiInternalError$/
                kind = String(type.1)
                within = type.2.firstMatch(of: hidden) == nil ? String(type.2) : "-"
                if within != "-" { found.insert(plain("\(kind) \(type.2)\(type.3)")) }
            } else if let alias = line.firstMatch(of: /^public typealias (\w+ = \w+)/) {
                found.insert("typealias \(alias.1)")
            } else if line == "}" && kind != "class" {
                // the members of a class are not indented
                within = ""
            }
            if within == "-" { continue }
            // a case with values, and what makes a struct, go over lines
            if !pieces.isEmpty || (kind != "class" && line.firstMatch(of: /^    (?:case \w+|public init\()/) != nil) {
                pieces.append(line.trimmingCharacters(in: .whitespaces))
                let whole = pieces.joined(separator: " ")
                guard !pieces[0].hasSuffix("(") || whole.hasSuffix(")") || whole.hasSuffix("{") else { continue }
                if within != "" && !whole.hasSuffix(":") && !whole.contains("return") { found.insert("\(within).\(plain(whole))") }
                pieces = []
            } else if let field = line.firstMatch(of: /^    public var (`?\w+`?: .+)/), within != "" {
                found.insert(plain("\(within).\(field.1)"))
            } else if let made = line.firstMatch(of: /^\s*(?:public )?((?:static |convenience )?(?:func \w+|init)\(.*)/) {
                let shape = plain(made.1)
                let shown = within.isEmpty ? line.hasPrefix("public") : kind == "protocol" || line.hasPrefix("public")
                if shown && shape.firstMatch(of: /(?i)ffi|unsafe|noHandle/) == nil {
                    found.insert("\(within.isEmpty ? "-" : within) \(shape)")
                }
            }
        }
        return found.sorted()
    }

    private static func plain(_ shape: some StringProtocol) -> String {
        String(shape).replacing(/\s*\{\s*$/, with: "").replacing(/\)(async|throws)/) { ") \($0.1)" }
            .replacing(/\s+/, with: " ").trimmingCharacters(in: .whitespaces)
    }

    @Test("the interface is the one that is recorded")
    func recordedInterface() throws {
        let now = try api().joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["VW_WRITE_API"] == "1" {
            try now.write(toFile: recorded, atomically: false, encoding: .utf8)
        }
        let before = try text(recorded)
        let hint = "an app sees this change: docs/bindings.md, upgrades; then VW_WRITE_API=1 make test-swift"
        let differs = now.split(separator: "\n").difference(from: before.split(separator: "\n"))
        #expect(differs.isEmpty, "\(hint)")
        #expect(now.split(separator: "\n").count > 500)
    }

    @Test("every function of the interface is called here")
    func everyFunction() throws {
        let names = Set(try api().compactMap { $0.firstMatch(of: /func (\w+)\(/)?.1 }.map(String.init))
        #expect(names.count > 85, "\(names.count)")
        let folder = "\(repository)/bindings/swift/Tests/VitalwitnessTests"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0 != "ApiTests.swift" }
        let sources = try files.map { try text("\(folder)/\($0)") }.joined(separator: "\n")
        let called = Set(sources.matches(of: /(\w+)(?:\(| \{ )/).map { String($0.1) })
        #expect(names.subtracting(called).sorted() == [])
    }

    @Test("the samples of the documentation were compiled")
    func documented() throws {
        let page = try text("\(repository)/docs/bindings.md").matches(of: /(?m)^```swift$/).count
        #expect(page >= 5)
        #expect(samples > page, "and those of the generated file")
    }

    @Test("every code is in the table of the documentation, and the table has no other")
    func codes() throws {
        let rows = try text("\(repository)/docs/bindings.md").matches(of: /(?m)^\| `(\w+)` \|/).map { String($0.1) }
        #expect(everyCode() == rows)
    }
}
