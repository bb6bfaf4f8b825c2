package backends

import "github.com/lambdabench/lambdabench/runtime/isolation"

// carried is a package with machine code, and a handler that calls into it.
type carried struct {
	name     string
	language isolation.Language
	debian   []string // of Debian, with what they need beyond the promised libraries
	npm      []string
	code     string
	want     string // the handler's reply
}

// scientific is what NumPy needs of Debian: a wheel carries it.
var scientific = []string{"python3-numpy", "libblas3", "liblapack3", "libgfortran5"}

func with(packages []string, more ...string) []string { return append(more, packages...) }

// carriedPackages are packages that wheels and npm distribute as binaries. Debian's builds stand in for wheels.
var carriedPackages = []carried{
	{name: "orjson", language: isolation.Python, debian: []string{"python3-orjson"}, want: `"{\"a\":[1,2]}"`, code: `
import orjson
def handler(event, context):
    return orjson.dumps({"a": [1, 2]}).decode()
`},
	{name: "pydantic_core", language: isolation.Python, want: `3`,
		debian: []string{"python3-pydantic-core", "python3-typing-extensions"}, code: `
import pydantic_core
def handler(event, context):
    return pydantic_core.SchemaValidator({"type": "int"}).validate_python("3")
`},
	{name: "rpds", language: isolation.Python, debian: []string{"python3-rpds-py"}, want: `[1, 2]`, code: `
import rpds
def handler(event, context):
    return list(rpds.List([1, 2]))
`},
	{name: "regex", language: isolation.Python, debian: []string{"python3-regex"}, want: `["B", "\u00c4"]`, code: `
import regex
def handler(event, context):
    return regex.findall(r"\p{Lu}", "aB\u00c4")
`},
	{name: "wrapt", language: isolation.Python, debian: []string{"python3-wrapt"}, want: `3`, code: `
import wrapt, wrapt._wrappers
def handler(event, context):
    return len(wrapt._wrappers.ObjectProxy("abc"))
`},
	{name: "greenlet", language: isolation.Python, debian: []string{"python3-greenlet"}, want: `[1, 2]`, code: `
import greenlet
def handler(event, context):
    seen = []
    main = greenlet.getcurrent()
    def other():
        seen.append(1)
        main.switch()
        seen.append(2)
    g = greenlet.greenlet(other)
    g.switch()
    g.switch()
    return seen
`},
	{name: "zstandard", language: isolation.Python, want: `1000`,
		debian: []string{"python3-zstandard", "python3-cffi-backend", "libzstd1"}, code: `
import zstandard
def handler(event, context):
    return len(zstandard.ZstdDecompressor().decompress(zstandard.ZstdCompressor().compress(b"x" * 1000)))
`},
	{name: "cryptography", language: isolation.Python, want: `"secret"`,
		debian: []string{"python3-cryptography", "python3-cffi-backend"}, code: `
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import rsa, ed25519
def handler(event, context):
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ed25519.Ed25519PrivateKey.generate().sign(b"x")
    f = Fernet(Fernet.generate_key())
    return f.decrypt(f.encrypt(b"secret")).decode()
`},
	{name: "numpy", language: isolation.Python, debian: scientific, want: `[2.0, 3.0]`, code: `
import numpy
def handler(event, context):
    return numpy.linalg.solve(numpy.array([[3.0, 1.0], [1.0, 2.0]]), numpy.array([9.0, 8.0])).round(6).tolist()
`},
	{name: "scipy", language: isolation.Python, want: `[1.0, 1.7725]`,
		debian: with(scientific, "python3-scipy", "python3-decorator", "liblbfgsb0"), code: `
import scipy.fft, scipy.integrate, scipy.linalg, scipy.optimize, scipy.signal
import scipy.sparse.linalg, scipy.spatial, scipy.special, scipy.stats
def handler(event, context):
    return [round(scipy.optimize.brentq(lambda x: x * x - 1, 0, 3), 4), round(float(scipy.special.gamma(0.5)), 4)]
`},
	{name: "scikit-learn", language: isolation.Python, want: `[0, 1]`,
		debian: with(scientific, "python3-scipy", "python3-decorator", "liblbfgsb0",
			"python3-sklearn", "python3-sklearn-lib", "python3-joblib", "python3-threadpoolctl"), code: `
from sklearn.ensemble import RandomForestClassifier
from sklearn.cluster import KMeans
def handler(event, context):
    KMeans(n_clusters=2, n_init=1, random_state=0).fit([[0.0], [0.1], [9.0], [9.1]])
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit([[0.0], [0.1], [9.0], [9.1]], [0, 0, 1, 1])
    return [int(v) for v in model.predict([[0.05], [9.05]])]
`},
	{name: "@node-rs/crc32", language: isolation.NodeJS, npm: []string{"@node-rs/crc32"}, want: `907060870`, code: `
const { crc32 } = require('@node-rs/crc32');
exports.handler = async () => crc32('hello');
`},
	{name: "bcrypt", language: isolation.NodeJS, npm: []string{"bcrypt"}, want: `[true,false]`, code: `
const bcrypt = require('bcrypt');
exports.handler = async () => {
  const hash = await bcrypt.hash('secret', 4);
  return [await bcrypt.compare('secret', hash), bcrypt.compareSync('other', hash)];
};
`},
	{name: "sharp", language: isolation.NodeJS, npm: []string{"sharp"}, want: `["png",8,6]`, code: `
const sharp = require('sharp');
exports.handler = async () => {
  const image = sharp({ create: { width: 16, height: 12, channels: 3, background: 'red' } });
  const m = await sharp(await image.resize(8).png().toBuffer()).metadata();
  return [m.format, m.width, m.height];
};
`},
	{name: "@napi-rs/canvas", language: isolation.NodeJS, npm: []string{"@napi-rs/canvas"},
		want: `["255,0,0,255","89504e47"]`, code: `
const { createCanvas } = require('@napi-rs/canvas');
exports.handler = async () => {
  const canvas = createCanvas(8, 8);
  const c = canvas.getContext('2d');
  c.fillStyle = 'red';
  c.fillRect(0, 0, 8, 8);
  return [c.getImageData(1, 1, 1, 1).data.join(), canvas.toBuffer('image/png').subarray(0, 4).toString('hex')];
};
`},
	{name: "onnxruntime-node", language: isolation.NodeJS, npm: []string{"onnxruntime-node"}, want: `[2,4,6]`, code: `
const ort = require('onnxruntime-node');
// A model in protobuf's wire format: y = x + x, over three floats.
const field = (n, bytes) => Buffer.concat([Buffer.from([n << 3 | 2, bytes.length]), Buffer.from(bytes)]);
const int = (n, v) => Buffer.from([n << 3, v]);
const shape = field(2, field(1, int(1, 3)));
const value = (name) => Buffer.concat([field(1, name), field(2, field(1, Buffer.concat([int(1, 1), shape])))]);
const node = Buffer.concat([field(1, 'x'), field(1, 'x'), field(2, 'y'), field(4, 'Add')].map((b) => Buffer.from(b)));
const graph = Buffer.concat([field(1, node), field(2, 'g'), field(11, value('x')), field(12, value('y'))]);
const model = Buffer.concat([int(1, 8), field(7, graph), field(8, int(2, 13))]);
exports.handler = async () => {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
  const out = await session.run({ x: new ort.Tensor('float32', [1, 2, 3], [3]) });
  return Array.from(out.y.data);
};
`},
}
