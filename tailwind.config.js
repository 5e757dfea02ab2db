// The theme is replaced, not extended: only the values of the design exist.
// The tokens themselves are custom properties in views/tollgate.css.
const spacing = Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16].map((n) => [n, `${n / 4}rem`]));
const tones = ['good', 'attention', 'bad', 'quiet'].flatMap((t) => [[t, `var(--${t})`], [`${t}-soft`, `var(--${t}-soft)`]]);

module.exports = {
  content: ['./views/**/*.templ'],
  darkMode: ['selector', '[data-theme="dark"]'],
  theme: {
    colors: {
      ...Object.fromEntries(['page', 'sunken', 'surface', 'hover', 'line', 'line-strong', 'control', 'ink', 'ink-2', 'ink-3',
        'accent', 'accent-hover', 'on-accent', 'accent-soft'].map((c) => [c, `var(--${c})`])),
      ...Object.fromEntries(tones),
    },
    spacing,
    fontSize: { s: ['0.75rem', '1rem'], m: ['0.875rem', '1.25rem'], l: ['1rem', '1.5rem'], xl: ['1.5rem', '2rem'] },
    borderRadius: { s: '4px', m: '6px', l: '10px' },
    fontFamily: { sans: 'var(--sans)', mono: 'var(--mono)' },
    screens: { sm: '40rem', md: '48rem', lg: '64rem' },
  },
};
