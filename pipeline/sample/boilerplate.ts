import { type Damage, pick, shuffle } from "./damage.ts";

const MENUS = [
  ["Strona główna", "Aktualności", "Galeria", "Forum", "Kontakt"],
  ["Start | O nas | Oferta | Cennik | Blog | Kontakt"],
  ["Zaloguj się", "Załóż konto", "Szukaj", "Menu"],
  ["Jesteś tutaj: Strona główna » Artykuły » Czytelnia"],
] as const;

const COOKIE_NOTICES = [
  "Ta strona używa plików cookies. Dalsze korzystanie z serwisu oznacza zgodę na ich zapisywanie. Rozumiem",
  "Szanujemy Twoją prywatność. My i nasi partnerzy przechowujemy informacje na urządzeniu. Akceptuję | Ustawienia",
  "W celu świadczenia usług na najwyższym poziomie stosujemy ciasteczka. Zamknij",
] as const;

const SHARING = [
  "Udostępnij na Facebooku",
  "Tweetnij",
  "Wyślij znajomemu",
  "Drukuj",
  "Podziel się:",
  "Lubię to! 127",
  "Skopiuj link",
] as const;

const READ_ALSO = [
  "Czytaj także: Dziesięć sposobów na udany weekend",
  "Czytaj więcej »",
  "Zobacz też: Najpiękniejsze ogródki działkowe w gminie",
  "Polecane artykuły",
  "Przeczytaj również: Co nowego w rozkładzie jazdy",
] as const;

const FOOTERS = [
  "Copyright © 2014 Portal Zawierzbie. Wszelkie prawa zastrzeżone.",
  "© 2009–2021 Wydawnictwo Lokalne. Kopiowanie bez zgody zabronione. Polityka prywatności | Regulamin",
  "Wszystkie prawa zastrzeżone. Projekt i wykonanie: Studio Piksel",
] as const;

const BYLINES = [
  "dodano: 12.03.2015, 14:32",
  "Autor: redakcja | Komentarze (3) | Odsłon: 1482",
  "Tagi: gmina, kultura, porady",
];

/**
 * An article cut out of its web page with the frame left on: menu and cookie notice before it, „Czytaj
 * także” in the middle, sharing buttons and a copyright line after it.
 */
export const addBoilerplate: Damage = (text, random) => {
  const paragraphs = text.split("\n\n");
  const middle = Math.ceil(paragraphs.length / 2);
  return [
    ...pick(MENUS, random),
    pick(COOKIE_NOTICES, random),
    pick(BYLINES, random),
    ...paragraphs.slice(0, middle),
    pick(READ_ALSO, random),
    ...paragraphs.slice(middle),
    ...shuffle(SHARING, random).slice(0, 3),
    pick(READ_ALSO, random),
    pick(FOOTERS, random),
  ].join("\n");
};
