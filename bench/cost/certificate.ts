import { createAuthority } from "../../tests/security/certificates.ts";
import type { Certificate } from "./proxies/proxy.ts";

/** Issues a certificate for `localhost` and writes it to the folder. */
export async function writeCertificate(folder: string): Promise<Certificate> {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue();
  const files = {
    certFile: `${folder}/cert.pem`,
    keyFile: `${folder}/key.pem`,
    bothFile: `${folder}/both.pem`,
  };
  await Deno.writeTextFile(files.certFile, cert);
  await Deno.writeTextFile(files.keyFile, key);
  await Deno.writeTextFile(files.bothFile, cert + key);
  return { ...files, ca: authority.ca };
}
