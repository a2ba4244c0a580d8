// uPlot formats numbers in the browser's language from the moment that it is loaded. A WebKit that runs in the locale C names
// that as its language, which is none: without this the whole page would stay empty. Undefined is the default language.
try {
  new Intl.NumberFormat(navigator.language)
} catch {
  Object.defineProperty(navigator, 'language', { value: undefined, configurable: true })
}

export {}
