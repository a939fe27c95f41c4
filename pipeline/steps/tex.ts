/** Pairs of a name and a sign, as a table. */
const named = (rows: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    rows.flatMap((row) => row.split(" ").map((pair) => pair.split("=", 2) as [string, string])),
  );

/** Signs that commands of TeX stand for. */
const SIGNS = named([
  "alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ mu=μ",
  "nu=ν xi=ξ pi=π rho=ρ sigma=σ tau=τ upsilon=υ phi=φ varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ",
  "Xi=Ξ Pi=Π Sigma=Σ Phi=Φ Psi=Ψ Omega=Ω circ=° bullet=• emptyset=∅ varnothing=∅ forall=∀ exists=∃ neg=¬ lnot=¬ angle=∠",
  "infty=∞ partial=∂ nabla=∇ sum=∑ prod=∏ int=∫ oint=∮ uparrow=↑ downarrow=↓ ldots=… dots=… cdots=… prime=′ hbar=ħ",
  "ell=ℓ Re=ℜ Im=ℑ langle=⟨ rangle=⟩ vert=|",
]);
/** Those between two terms, with a space on both sides. */
const OPERATORS = named([
  "times=× cdot=· div=÷ pm=± mp=∓ ast=∗ star=⋆ oplus=⊕ otimes=⊗ le=≤ leq=≤ leqslant=≤ ge=≥ geq=≥ geqslant=≥ ne=≠ neq=≠",
  "approx=≈ sim=∼ simeq=≃ cong=≅ equiv=≡ propto=∝ ll=≪ gg=≫ in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇",
  "cup=∪ cap=∩ setminus=∖ and=∧ or=∨ land=∧ lor=∨ wedge=∧ vee=∨ perp=⊥ parallel=∥ mid=| to=→ rightarrow=→",
  "longrightarrow=→ leftarrow=← leftrightarrow=↔ mapsto=↦ rightleftharpoons=⇌ Rightarrow=⇒ Longrightarrow=⇒ implies=⇒",
  "colon=: Leftarrow=⇐ Leftrightarrow=⇔ iff=⇔",
]);
const BLACKBOARD: Readonly<Record<string, string>> = { N: "ℕ", Z: "ℤ", Q: "ℚ", R: "ℝ", C: "ℂ", P: "ℙ" };
/** Names of functions are written as they are called; a space keeps them from what they are of. */
const FUNCTIONS =
  /\\(sin|cos|tan|tg|ctg|cot|log|ln|lg|exp|lim|min|max|sup|inf|det|dim|ker|deg|arg|gcd|mod|arcsin|arccos|arctan)(?![A-Za-z])/g;
/** What only says how it looks: `\left(`, `\,`, `\mathrm`. */
const LOOKS =
  /\\(?:left|right|big|Big|bigg|Bigg|displaystyle|textstyle|scriptstyle|limits|nolimits|rm|bf|it|cal|mathrm|mathbf|mathit|mathcal|mathsf|mathfrak|boldsymbol|operatorname|vec|overline|bar|hat|tilde|dot|ddot)(?![A-Za-z])\*?/g;
const SPACES = /\\(?:quad|qquad)(?![A-Za-z])|\\[,;: ]|~/g;
const NO_SPACES = /\\!/g;
/** Words between formulas. */
const WORDS = /\\(?:mbox|text|textrm|hbox)\s*\{([^{}]*)\}/g;
const GROUP = "\\{([^{}]*)\\}";
const FRACTION = new RegExp(`\\\\[dt]?frac\\s*${GROUP}\\s*${GROUP}`, "g");
/** That the group ends is asked ahead: one that does not would be read to the end from every `\over` in it. */
const OVER = /\{(?=[^{}]*\})([^{}]*)\\over(?![A-Za-z])([^{}]*)\}/g;
const ROOT = new RegExp(`\\\\sqrt\\s*${GROUP}`, "g");
const SET = /\\mathbb\s*(?:\{\s*)?([A-Z])\s*\}?/g;
const ABOVE_ARROW = new RegExp(
  `\\\\(?:overset|stackrel)\\s*${GROUP}\\s*\\{\\s*([→⇌])\\s*\\}|\\\\xrightarrow\\s*${GROUP}`,
  "g",
);
const SCRIPT = new RegExp(`([_^])\\s*${GROUP}`, "g");
/** A group that is no command's argument. */
const FREE_GROUP = new RegExp(`(?=\\{)(?<!\\\\[A-Za-z]+\\s*|\\}\\s*)${GROUP}`, "g");
const COMMAND = /\\([A-Za-z]+)\s*/g;
const ESCAPED = /\\([{}%$#&_])/g;
/** Groups stand in each other; what is deeper is no formula of a line. */
const MAX_DEPTH = 12;
/** Longer ones are set apart from the text. */
const MAX_FORMULA = 200;
/** What stands for brackets that are escaped, until the groups are gone. */
const [OPEN, CLOSE] = ["\u0001", "\u0002"];

/**
 * A formula of TeX as one would write it in a line: `\frac{a}{b}` becomes `a/b`, `\mathbb{R}` `ℝ`. Empty for one that
 * cannot be written so: a matrix, a command that is not known, more than a line.
 */
export function linearTex(source: string): string {
  let formula = source
    .replace(/\\\{|\\lbrace(?![A-Za-z])/g, OPEN)
    .replace(/\\\}|\\rbrace(?![A-Za-z])/g, CLOSE)
    .replace(NO_SPACES, "")
    .replace(SPACES, " ")
    .replace(SET, (_, letter: string) => BLACKBOARD[letter] ?? letter)
    .replace(LOOKS, "")
    .replace(FUNCTIONS, "$1 ")
    .replace(WORDS, "{ $1 }")
    .replace(COMMAND, (command, name: string) => {
      const operator = OPERATORS[name];
      return operator === undefined ? (SIGNS[name] ?? command) : ` ${operator} `;
    });
  for (let depth = 0; depth < MAX_DEPTH && /[{}]/.test(formula); depth++) {
    formula = formula
      .replace(FRACTION, (_, over: string, under: string) => `${grouped(over)}/${grouped(under)}`)
      .replace(OVER, (_, over: string, under: string) => `${grouped(over)}/${grouped(under)}`)
      .replace(ROOT, (_, inner: string) => `√${grouped(inner)}`)
      .replace(ABOVE_ARROW, (_, above: string, arrow = "→", over = above) => ` —${over}${arrow} `)
      .replace(SCRIPT, (_, sign: string, inner: string) => sign + grouped(inner));
    formula = formula.replace(FREE_GROUP, "$1");
  }
  const [over, under, ...more] = formula.split(/\\over(?![A-Za-z])/);
  if (over !== undefined && under !== undefined && more.length === 0)
    formula = `${grouped(over.trim())}/${grouped(under.trim())}`;
  if (/[{}]/.test(formula)) return "";
  formula = formula.replace(ESCAPED, "$1").replaceAll(OPEN, "{").replaceAll(CLOSE, "}");
  const line = formula
    .replace(/\s+/g, " ")
    .replace(/ (?=[.,;)_^])|(?<=\() |\^(?=°)/g, "")
    .trim();
  return /[\\&]/.test(line) || line.length > MAX_FORMULA ? "" : line;
}

/** In brackets, where it is more than a name or a number. */
function grouped(text: string): string {
  const inner = text.trim();
  const isOne = [...inner].length <= 1 || /^(?:[\p{L}\p{N},.√]+|\([^()]*\))$/u.test(inner);
  return isOne ? inner : `(${inner})`;
}
