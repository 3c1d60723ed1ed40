// The page's few icons, drawn in the colour of the text beside them. They say nothing to a screen reader: their buttons do.

const paths = {
  menu: "M2 4h12M2 8h12M2 12h12",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  bin: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5",
  microphone: "M8 2a2 2 0 0 0-2 2v4a2 2 0 0 0 4 0V4a2 2 0 0 0-2-2M3.5 7.5V8a4.5 4.5 0 0 0 9 0v-.5M8 12.5V14.5",
  send: "M8 13V3.5M4 7l4-4 4 4",
  clip: "M13 7.5l-5 5a3 3 0 0 1-4.3-4.3l5.3-5.2a2 2 0 0 1 2.9 2.9L6.7 11a1 1 0 0 1-1.4-1.4l4.6-4.5",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  check: "M3 8.5l3.2 3.2L13 5",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  pencil: "M3 13l.6-2.8L10.8 3 13 5.2l-7.2 7.2z",
  branch:
    "M4.5 5.5v5M4.5 8.5c4 0 6.5-.5 6.5-3M4.5 2.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3M4.5 10.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3M11 2.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3",
  left: "M10 3.5L5.5 8l4.5 4.5",
  right: "M6 3.5L10.5 8 6 12.5",
  down: "M8 3v10M4 9l4 4 4-4",
  document: "M4 2h5.5L12.5 5v9H4zM9 2v3.5h3.5M6 8.5h4.5M6 11h4.5",
  sliders:
    "M2 5h5M11 5h3M2 11h3M9 11h5M9 3.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6M7 9.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
  out: "M9 3h4v4M13 3L7.5 8.5M11 9.5V13H3V5h3.5",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  system: "M2.5 3.5h11v7.5h-11zM6 13.5h4M8 11v2.5",
} as const;

export type IconName = keyof typeof paths | "stop";

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      {name === "stop" ? (
        <rect x="4" y="4" width="8" height="8" rx="1.5" fill="currentColor" />
      ) : (
        <path d={paths[name]} />
      )}
    </svg>
  );
}

interface IconButtonProps {
  readonly icon: IconName;
  /** Said by screen readers, and shown where the pointer rests. */
  readonly label: string;
  readonly onClick: () => void;
  readonly class?: string;
  readonly disabled?: boolean;
  readonly expanded?: boolean;
}

export function IconButton({
  icon,
  label,
  onClick,
  class: name = "quiet",
  disabled = false,
  expanded,
}: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${name}`}
      aria-label={label}
      title={label}
      disabled={disabled}
      aria-expanded={expanded}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
