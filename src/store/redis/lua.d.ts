// Scripts of the shared store are imported as text, so that the compiled binary carries them.

declare module "*.lua" {
  const text: string;
  export = text;
}
