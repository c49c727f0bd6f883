/** A sluice gate: two posts, two beams, and what flows under them. */
export function Logo({ size = 20 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" fill="#0f5d75" />
      <path d="M9 6v20M23 6v20" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
      <path d="M9 10h14M9 15h14" stroke="#7fd1e4" strokeWidth="3" strokeLinecap="round" />
      <path d="M13 22h6" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
    </svg>
  );
}
