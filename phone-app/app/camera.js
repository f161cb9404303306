/** Reads QR codes by the phone's camera. Nothing that it sees is kept or sent. */

/**
 * Where what was read goes; gives the way to stop.
 * @typedef {{stop: () => void}} Camera
 */

/**
 * Opens the camera, shows its picture and tells each text that it reads; throws when there is no camera or no leave.
 * @param {HTMLVideoElement} video
 * @param {(text: string) => void} tell
 * @returns {Promise<Camera>}
 */
export async function openCamera(video, tell) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: "environment" } });
  let isOpen = true;
  const stop = () => {
    isOpen = false;
    for (const track of stream.getTracks()) {
      track.stop();
    }
    video.srcObject = null;
  };
  try {
    video.srcObject = stream;
    await video.play();
    const read = await reader();
    const look = async () => {
      if (!isOpen) {
        return;
      }
      const text = await read(video).catch(() => null);
      if (isOpen && text !== null) {
        tell(text);
      }
      setTimeout(() => void look(), PAUSE);
    };
    void look();
  } catch (error) {
    stop();
    throw error;
  }
  return { stop };
}

/**
 * The browser's own reader where it has one, else the decoder that comes with the app.
 * @returns {Promise<(video: HTMLVideoElement) => Promise<string | null>>}
 */
async function reader() {
  const { BarcodeDetector } = /** @type {{BarcodeDetector?: Detector}} */ (/** @type {unknown} */ (globalThis));
  const formats = await BarcodeDetector?.getSupportedFormats().catch(() => /** @type {string[]} */ ([]));
  if (BarcodeDetector !== undefined && formats?.includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
  }
  const { default: decode } = await import("./vendor/jsqr.js");
  const canvas = document.createElement("canvas");
  const drawn = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const { videoWidth: width, videoHeight: height } = video;
    if (drawn === null || width === 0 || height === 0) {
      return null;
    }
    // Smaller pictures are read faster, and a code that fills a third of the screen is large enough.
    const scale = Math.min(1, WIDEST / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    drawn.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = drawn.getImageData(0, 0, canvas.width, canvas.height);
    return decode(data, canvas.width, canvas.height, { inversionAttempts: "dontInvert" })?.data ?? null;
  };
}

/**
 * The part of the Shape Detection API that is used here.
 * @typedef {{new (options: {formats: string[]}): {detect: (image: HTMLVideoElement) => Promise<Array<{rawValue: string}>>}, getSupportedFormats: () => Promise<string[]>}} Detector
 */

const PAUSE = 200;
const WIDEST = 800;
