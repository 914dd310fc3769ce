/** A node of an ONNX file with its attributes by name, and how they are read. */
import { RelearnError } from '../../base/errors.ts';
import { type OnnxAttribute, type OnnxNode, onnxAttributeType } from '../../formats/onnx.ts';

export interface SourceNode {
  /** The operator; those of another domain carry it before a colon: `com.microsoft:Gelu`. */
  readonly op: string;
  /** How messages name the node: its own name, or what it makes. */
  readonly title: string;
  /** Names of values; an empty name is an input that was left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

const ownDomains: readonly (string | undefined)[] = [undefined, '', 'ai.onnx'];

export const sourceNode = (node: OnnxNode, index: number): SourceNode => {
  const op = ownDomains.includes(node.domain) ? node.opType : `${node.domain}:${node.opType}`;
  const name = node.name || node.output.find((output) => output !== '') || `number ${index}`;
  return {
    op,
    title: `node "${name}" (${op})`,
    inputs: node.input,
    outputs: node.output,
    attributes: new Map(node.attribute.map((attribute) => [attribute.name, attribute])),
  };
};

const reader =
  <T>(type: keyof typeof onnxAttributeType, read: (attribute: OnnxAttribute) => T | undefined) =>
  <D extends T | undefined>(node: SourceNode, name: string, otherwise: D): T | D => {
    const attribute = node.attributes.get(name);
    if (attribute === undefined) return otherwise;
    const value = read(attribute);
    // Writers before IR version 2 leave the type out.
    const typed = !attribute.type || attribute.type === onnxAttributeType[type];
    if (value === undefined || !typed) {
      throw new RelearnError(
        'invalid',
        'onnx_attribute',
        `Attribute ${name} of ${node.title} is not of type ${type}.`,
        { hint: 'Export the model again; this file is damaged.' },
      );
    }
    return value;
  };

export const intAttribute = reader<number>('int', ({ i }) => i ?? 0);
export const floatAttribute = reader<number>('float', ({ f }) => f ?? 0);
export const intsAttribute = reader<readonly number[]>('ints', ({ ints }) => ints);
export const floatsAttribute = reader<readonly number[]>('floats', ({ floats }) => floats);
export const textAttribute = reader<string>('string', ({ s }) =>
  new TextDecoder().decode(s ?? new Uint8Array()),
);
export const tensorAttribute = reader('tensor', ({ t }) => t);
