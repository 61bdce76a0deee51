/** Asks a model that takes pictures about some: node ... examples/pictures.ts FOLDER QUESTION PICTURE [PICTURE ...] */
import { cropPicture, loadModel, openPicture } from 'framefusion-webgpu';

const [folder = '', question = '', ...files] = process.argv.slice(2);

using model = await loadModel(folder);
const { pictureFormat } = model;
if (!pictureFormat) throw new Error(`${model.architecture} takes no pictures.`);

const pictures = [];
for (const file of files) {
  const picture = await openPicture(file);
  pictures.push(await model.encodePicture(cropPicture(picture, pictureFormat(picture))));
}
for await (const piece of model.answer({ pictures }, question, { maxNewTokens: 64 })) process.stdout.write(piece);
process.stdout.write('\n');
for (const picture of pictures) picture[Symbol.dispose]();
