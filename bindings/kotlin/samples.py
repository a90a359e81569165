"""Puts every ```kotlin sample of the generated documentation and of a page into one test source.

A sample may use: vault, keyStore, filesDir, kit, cloud, radio, inbox, show.
"""
import pathlib, re, sys

generated, page, out = map(pathlib.Path, sys.argv[1:])
samples = []
for source in sorted(generated.rglob("*.kt")):
    text = source.read_text()
    # an interface and its class carry the same documentation
    for block in re.findall(r"\* ```kotlin\n(.*?)\* ```", text, re.S):
        lines = [re.sub(r"^\s*\* ?", "", line) for line in block.splitlines()]
        samples.append("\n".join(lines).strip())
if page.exists():
    samples += [block.strip() for block in re.findall(r"```kotlin\n(.*?)```", page.read_text(), re.S)]
samples = list(dict.fromkeys(samples))
head = """package health.vitalwitness.samples

import health.vitalwitness.*
import java.time.*
import java.math.BigDecimal
import kotlinx.coroutines.*
import kotlinx.coroutines.flow.*

"""
body = ""
for number, sample in enumerate(samples):
    imports = [line for line in sample.splitlines() if line.startswith("import ")]
    lines = [line for line in sample.splitlines() if not line.startswith("import ")]
    if any(re.match(r"(class|object|interface|fun|suspend fun) ", line) for line in lines):
        text = "\n".join("    " + line for line in lines)
        body += f"@Suppress(\"unused\")\nclass Sample{number} {{\n{text}\n}}\n\n"
    else:
        text = "\n".join("    " + line for line in lines)
        body += (
            f"@Suppress(\"unused\", \"UNUSED_VARIABLE\")\n"
            f"suspend fun sample{number}(vault: Vault, keyStore: KeyStore, filesDir: String, kit: RecoveryKit,\n"
            f"    cloud: CloudSettings, radio: Radio, inbox: RadioInbox, show: (Any?) -> Unit): Unit = coroutineScope {{\n"
            f"{text}\n    Unit\n}}\n\n"
        )
out.write_text(head + body + f"const val SAMPLES = {len(samples)}\n")
