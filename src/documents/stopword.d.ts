// The lists of the package that are loaded one by one: all of its languages are 600 KB.

declare module "stopword/src/stopwords_eng.js" {
  const eng: readonly string[];
  export { eng };
}
declare module "stopword/src/stopwords_deu.js" {
  const deu: readonly string[];
  export { deu };
}
declare module "stopword/src/stopwords_fra.js" {
  const fra: readonly string[];
  export { fra };
}
declare module "stopword/src/stopwords_spa.js" {
  const spa: readonly string[];
  export { spa };
}
declare module "stopword/src/stopwords_rus.js" {
  const rus: readonly string[];
  export { rus };
}
declare module "stopword/src/stopwords_zho.js" {
  const zho: readonly string[];
  export { zho };
}
declare module "stopword/src/stopwords_jpn.js" {
  const jpn: readonly string[];
  export { jpn };
}
