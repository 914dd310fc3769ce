/** Reads the small XML documents that bucket services answer with. */
import { parseXml, XmlElement } from '@rgrove/parse-xml';

const elements = (parent: XmlElement): XmlElement[] =>
  parent.children.filter((child): child is XmlElement => child instanceof XmlElement);

/** The text of a child; undefined where there is none. */
export const textOf = (parent: XmlElement, name: string): string | undefined =>
  elements(parent).find((child) => child.name === name)?.text;

export const childrenOf = (parent: XmlElement, name: string): readonly XmlElement[] =>
  elements(parent).filter((child) => child.name === name);

/** The root element; undefined where the bytes are no XML (a proxy's page, an empty body). */
export const readXml = (bytes: Uint8Array): XmlElement | undefined => {
  try {
    return parseXml(new TextDecoder().decode(bytes)).root ?? undefined;
  } catch {
    return undefined;
  }
};
