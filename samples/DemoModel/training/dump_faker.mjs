// node dump_faker.mjs PACKAGES: writes faker's word lists for extract_lists.py (PACKAGES holds the unpacked npm packages).
import fs from 'node:fs';
import path from 'node:path';
const root = path.resolve(process.argv[2]);
const folder = fs.readdirSync(root).find((name) => name.startsWith('faker-js-faker-'));
for (const locale of ['en', 'zh_CN']) {
  const { faker } = await import(path.join(root, folder, 'package/dist/locale', `${locale}.js`));
  fs.writeFileSync(path.join(root, `faker_${locale}.json`), JSON.stringify(faker.rawDefinitions));
}
