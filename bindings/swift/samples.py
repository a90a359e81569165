"""Puts every ```swift sample of the generated documentation and of a page into one source.

A sample may use: vault, keyStore, folder, kit, cloud, radio, inbox, show.
"""
import pathlib, re, sys

generated, page, out = map(pathlib.Path, sys.argv[1:])
samples = []
for source in sorted(generated.rglob("*.swift")):
    # a protocol and its class carry the same documentation
    for block in re.findall(r"\* ```swift\n(.*?)\* ```", source.read_text(), re.S):
        lines = [re.sub(r"^\s*\* ?", "", line) for line in block.splitlines()]
        samples.append("\n".join(lines).strip())
samples += [block.strip() for block in re.findall(r"```swift\n(.*?)```", page.read_text(), re.S)]
samples = list(dict.fromkeys(samples))
body = "import Foundation\nimport Vitalwitness\n\n"
for number, sample in enumerate(samples):
    lines = sample.splitlines()
    text = "\n".join("    " + line if line else "" for line in lines)
    if re.match(r"(final class|class|struct|enum|protocol|func) ", sample):
        body += f"enum Sample{number} {{\n{text}\n}}\n\n"
    else:
        body += (
            f"@available(macOS 13, iOS 16, *)\n"
            f"func sample{number}(vault: Vault, keyStore: KeyStore, folder: String, kit: RecoveryKit,\n"
            f"    cloud: CloudSettings, radio: Radio, inbox: RadioInbox, show: (Any?) -> Void) async throws {{\n{text}\n}}\n\n"
        )
out.write_text(body + f"public let samples = {len(samples)}\n")
