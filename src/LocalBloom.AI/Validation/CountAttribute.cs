using System.ComponentModel.DataAnnotations;

namespace LocalBloom.AI.Validation;

/// <summary>Accepts a number within bounds, or none. Unlike <see cref="RangeAttribute"/>, its message says the value.</summary>
/// <param name="minimum">The smallest number.</param>
/// <param name="maximum">The largest number.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class CountAttribute(int minimum, int maximum) : ValidationAttribute
{
    /// <summary>Gets the smallest number.</summary>
    public int Minimum { get; } = minimum;

    /// <summary>Gets the largest number.</summary>
    public int Maximum { get; } = maximum;

    /// <summary>Gets what is counted.</summary>
    public string Unit { get; init; } = "tokens";

    /// <inheritdoc/>
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) =>
        value is not int tokens || (tokens >= Minimum && tokens <= Maximum)
            ? ValidationResult.Success
            : new ValidationResult($"{validationContext.DisplayName} is {tokens}. Use {Minimum} to {Maximum} {Unit}.");
}
