//! A receipt as a QR symbol: base45, alphanumeric mode, error correction level L.

use super::base45;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use qrcode::bits::Bits;
use qrcode::{EcLevel, QrCode, Version};
use std::fmt::Write as _;
use std::io::Write as _;
use vitalwitness_proof::Rejection;

/// A symbol, ready to be drawn.
#[derive(Clone, PartialEq, Eq)]
pub struct Symbol {
    version: i16,
    width: usize,
    /// Row by row; true is dark.
    modules: Vec<bool>,
}

impl Symbol {
    /// The smallest symbol that holds `receipt`.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED`: none does (more than 2,864 bytes); give it as a file.
    pub fn of(receipt: &[u8]) -> Result<Self, Rejection> {
        let text = base45::encode(receipt);
        (1..=40)
            .find_map(|version| draw(text.as_bytes(), version))
            .ok_or(Rejection::LimitExceeded)
    }

    /// 1 to 40.
    pub fn version(&self) -> i16 {
        self.version
    }

    /// Modules in a row, the quiet zone not counted.
    pub fn width(&self) -> usize {
        self.width
    }

    /// As SVG with its quiet zone, one unit to a module.
    pub fn to_svg(&self) -> String {
        let side = self.width + 2 * QUIET;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
             <path fill=\"#000\" d=\"{}\"/></svg>\n",
            self.dark_runs()
        )
    }

    /// As PNG (one bit a pixel) with its quiet zone, `scale` pixels to a module.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` for a scale of none or over 64.
    pub fn to_png(&self, scale: u8) -> Result<Vec<u8>, Rejection> {
        if !(1..=64).contains(&scale) {
            return Err(Rejection::LimitExceeded);
        }
        let scale = usize::from(scale);
        let side = (self.width + 2 * QUIET) * scale;
        let mut rows = Vec::new();
        for y in 0..side {
            // no filter; then bits, the first leftmost, 1 is white
            rows.push(0);
            for eight in 0..side.div_ceil(8) {
                rows.push((0..8).fold(0, |byte, bit| {
                    let dark = self.is_dark((eight * 8 + bit) / scale, y / scale);
                    byte << 1 | u8::from(!dark)
                }));
            }
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        let packed = packed
            .write_all(&rows)
            .and_then(|()| packed.finish())
            .map_err(|_| Rejection::LimitExceeded)?;
        let side = u32::try_from(side).map_err(|_| Rejection::LimitExceeded)?;
        let side = side.to_be_bytes();
        // one bit deep, grey, deflate, no filters of its own, not interlaced
        let head = [side.as_slice(), &side, &[1, 0, 0, 0, 0]].concat();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, body) in [
            (b"IHDR", head.as_slice()),
            (b"IDAT", &packed),
            (b"IEND", &[]),
        ] {
            let length = u32::try_from(body.len()).map_err(|_| Rejection::LimitExceeded)?;
            let mut crc = Crc::new();
            crc.update(name);
            crc.update(body);
            png.extend(length.to_be_bytes());
            png.extend(name);
            png.extend(body);
            png.extend(crc.sum().to_be_bytes());
        }
        Ok(png)
    }

    /// Dark runs as an SVG path; the quiet zone is around them.
    fn dark_runs(&self) -> String {
        let mut path = String::new();
        for (y, row) in self.modules.chunks(self.width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                if run.first() == Some(&true) {
                    let (left, length) = (x + QUIET, run.len());
                    // writing to a String does not fail
                    let _ = write!(path, "M{left} {}h{length}v1h-{length}z", y + QUIET);
                }
                x += run.len();
            }
        }
        path
    }

    /// Whether the module at `x`, `y` is dark, both counted from the quiet zone's corner.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let (Some(x), Some(y)) = (x.checked_sub(QUIET), y.checked_sub(QUIET)) else {
            return false;
        };
        x < self.width
            && self
                .modules
                .get(y * self.width + x)
                .is_some_and(|dark| *dark)
    }
}

impl std::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Symbol({}-L)", self.version)
    }
}

/// None where the text does not fit.
fn draw(text: &[u8], version: i16) -> Option<Symbol> {
    let mut bits = Bits::new(Version::Normal(version));
    bits.push_alphanumeric_data(text).ok()?;
    bits.push_terminator(EcLevel::L).ok()?;
    let code = QrCode::with_bits(bits, EcLevel::L).ok()?;
    Some(Symbol {
        version,
        width: code.width(),
        modules: code
            .into_colors()
            .into_iter()
            .map(|color| color == qrcode::Color::Dark)
            .collect(),
    })
}

/// Light modules that have to surround a symbol.
const QUIET: usize = 4;
