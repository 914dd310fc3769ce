/** `GET /` and its files, with headers that let the page run its own code and nothing else. */
import { RelearnError } from '../../base/errors.ts';
import type { AppContext } from '../app-context.ts';
import type { PageAsset } from '../page-assets.ts';
import type { Route } from '../route.ts';
import { text } from '../schemas.ts';

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const pageRoutes = ({ page }: AppContext): Route[] => {
  if (page === undefined) {
    const notBuilt = () => {
      throw new RelearnError('not-found', 'page_not_built', 'The page was not built.');
    };
    return [pageRoute('/', 'text/html', notBuilt)];
  }
  return [...page].map(([path, asset]) => pageRoute(path, mediaType(asset), sendAsset(asset)));
};

const pageRoute = (path: string, type: string, handle: Route['handle']): Route => ({
  method: 'GET',
  path,
  summary: path === '/' ? 'The page.' : 'A file of the page.',
  scope: null,
  answers: { [type]: text },
  handle,
});

const mediaType = (asset: PageAsset) => asset.type.split(';', 1)[0] ?? asset.type;

const sendAsset =
  (asset: PageAsset): Route['handle'] =>
  (_request, reply) =>
    reply
      .type(asset.type)
      .header('content-security-policy', contentSecurityPolicy)
      .header('cache-control', asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
      .send(asset.bytes);
